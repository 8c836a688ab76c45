"""Settings of the desk: who may sign in, and for how long."""

from __future__ import annotations

from typing import Literal

import argon2
from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator

from gateway import MentionedNames, NameReader, Settings
from plugins.agents_desk.staff.assignment import AssignmentMode

NAME_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9._@-]{0,63}$"

Role = Literal["agent", "lead", "admin"]


class DeskUser(BaseModel):
    """A person who may sign in with a password."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(pattern=NAME_PATTERN, description="sign-in name; case does not matter")
    password_hash: SecretStr = Field(description="an argon2 hash; see `warmline desk password`")
    display_name: str | None = Field(None, max_length=80, description="what colleagues see")
    role: Role = Field("agent", description="what this person may do: agent, lead or admin")
    tier: str = Field("front", description="the tier this person works at")
    skills: tuple[str, ...] = ()
    brands: tuple[str, ...] = Field(
        (), description="brands whose conversations this person may see; none: all"
    )

    @field_validator("password_hash")
    @classmethod
    def _is_argon2(cls, value: SecretStr) -> SecretStr:
        try:
            argon2.extract_parameters(value.get_secret_value())
        except argon2.exceptions.InvalidHashError:
            message = "is not an argon2 hash; make one with `warmline desk password`"
            raise ValueError(message) from None
        return value


class HelpLink(BaseModel):
    """Where people find help, for the break page."""

    model_config = ConfigDict(extra="forbid")

    title: str = Field(max_length=80, description="what it is")
    url: str = Field(pattern=r"^(https://|tel:|mailto:).+$", description="https, tel: or mailto:")
    note: str = Field("", max_length=200, description="for example when it is open")


class CareSettings(BaseModel):
    """When a break is proposed, and what the break page offers."""

    model_config = ConfigDict(extra="forbid")

    break_load: float = Field(
        45, gt=0, description="a break is proposed from this emotional load, in upset minutes"
    )
    break_upset: int = Field(
        4, ge=1, description="and after so many conversations with upset customers without a break"
    )
    break_every: int = Field(90, ge=15, description="minutes between two proposals, at least")
    help: tuple[HelpLink, ...] = Field((), description="links of the break page")


class DeskSettings(BaseModel):
    """Section ``plugins.agents_desk``."""

    model_config = ConfigDict(extra="forbid")

    users: tuple[DeskUser, ...] = ()
    demo_user: str | None = Field(
        None,
        pattern=NAME_PATTERN,
        description="one more user, whose password is generated at the first start, stored in "
        "`desk-password` of the data directory and printed by `warmline serve`",
    )
    tiers: tuple[str, ...] = Field(("front", "specialist"), description="offered for a transfer")
    skills: tuple[str, ...] = Field((), description="offered for a transfer")
    read_colleagues: bool = Field(
        True,
        description="agents read what a colleague has and leave notes in it; false: only leads and "
        "admins do",
    )
    assignment: AssignmentMode = Field(
        "pull", description="how waiting cases find a person; see care.md"
    )
    open_within: int = Field(
        180, ge=30, description="seconds to open a case that was given, before it waits again"
    )
    away_after: int = Field(
        300, ge=120, description="seconds without an open desk page or an act until one is away"
    )
    care: CareSettings = CareSettings()
    undo_send: float = Field(
        5.0,
        ge=0,
        le=30,
        description="seconds for which an answer can be taken back before it is sent; 0: none",
    )
    idle: int = Field(3600, ge=60, description="seconds of inactivity until sign-out")
    absolute: int = Field(43_200, ge=60, description="seconds after sign-in until sign-out")
    behind_proxy: bool = Field(
        False,
        description="trust the last address of X-Forwarded-For, for sign-in limits and the audit "
        "log; the gateway's own `proxies` says it for everything",
    )
    second_factor: tuple[Role, ...] = Field(
        (), description="roles that must use a second factor; everyone else may"
    )

    slack_client_id: str | None = Field(
        None, description="with the next two keys, people sign in with Slack"
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

    def mentions(self, settings: Settings) -> MentionedNames:
        """The tiers of the people."""
        read = NameReader([settings.file] if settings.file else [])
        return MentionedNames(
            tiers=tuple(read.values("plugins", "agents_desk", "users", "*", "tier")),
            unread=read.unread,
        )

    @model_validator(mode="after")
    def _is_consistent(self) -> DeskSettings:
        slack_keys = (self.slack_client_id, self.slack_client_secret, self.slack_team)
        if any(slack_keys) and not all(slack_keys):
            message = "Sign in with Slack needs slack_client_id, slack_client_secret and slack_team"
            raise ValueError(message)
        names = [user.name.casefold() for user in self.users]
        if self.demo_user:
            names.append(self.demo_user.casefold())
        if len(names) != len(set(names)):
            raise ValueError("two users have the same name; names must differ")
        return self
