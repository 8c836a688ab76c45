"""The desk's settings: who may sign in, and how long they stay signed in."""

from __future__ import annotations

import argon2
from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator

from plugins.agents_desk.roles import Role

NAME = r"^[A-Za-z0-9][A-Za-z0-9._@-]{0,63}$"


class User(BaseModel):
    """One person who may sign in."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(pattern=NAME, description="what is typed to sign in; case does not matter")
    password_hash: SecretStr = Field(description="an argon2 hash; see `warmline desk password`")
    display_name: str | None = Field(None, max_length=80, description="what colleagues see")
    role: Role = Field("agent", description="what this person may do: agent, lead or admin")
    tier: str = Field("front", description="the tier this person works at")
    skills: tuple[str, ...] = ()

    @field_validator("password_hash")
    @classmethod
    def _is_argon2(cls, value: SecretStr) -> SecretStr:
        try:
            argon2.extract_parameters(value.get_secret_value())
        except argon2.exceptions.InvalidHashError:
            message = "is not an argon2 hash; make one with `warmline desk password`"
            raise ValueError(message) from None
        return value


class DeskSettings(BaseModel):
    """Section ``plugins.agents_desk``."""

    model_config = ConfigDict(extra="forbid")

    users: tuple[User, ...] = ()
    demo_user: str | None = Field(
        None,
        pattern=NAME,
        description="also let this name in, with a password made at the first start, kept in "
        "`desk-password` of the data directory and printed by `warmline serve`",
    )
    tiers: tuple[str, ...] = Field(("front", "specialist"), description="offered at a transfer")
    skills: tuple[str, ...] = Field((), description="offered at a transfer")
    idle: int = Field(3600, ge=60, description="seconds without a deed until signed out")
    absolute: int = Field(43_200, ge=60, description="seconds after signing in until signed out")
    behind_proxy: bool = Field(
        False, description="believe the last address of X-Forwarded-For when counting sign-ins"
    )

    slack_client_id: str | None = Field(
        None, description="with it and the next two, people sign in with Slack"
    )
    slack_client_secret: SecretStr | None = None
    slack_team: str | None = Field(
        None, pattern=r"^[TE][A-Z0-9]{2,20}$", description="only members of this workspace"
    )
    slack_admins: tuple[str, ...] = Field((), description="Slack user ids that are admins")
    slack_leads: tuple[str, ...] = Field((), description="Slack user ids that are leads")
    slack_api_base: str = Field(
        "https://slack.com/api/", pattern=r"^https?://.+/$", description="for tests and proxies"
    )

    @model_validator(mode="after")
    def _whole(self) -> DeskSettings:
        by_slack = (self.slack_client_id, self.slack_client_secret, self.slack_team)
        if any(by_slack) and not all(by_slack):
            message = "Sign in with Slack needs slack_client_id, slack_client_secret and slack_team"
            raise ValueError(message)
        names = [user.name.casefold() for user in self.users]
        if self.demo_user:
            names.append(self.demo_user.casefold())
        if len(names) != len(set(names)):
            raise ValueError("two users have the same name; names must differ")
        return self
