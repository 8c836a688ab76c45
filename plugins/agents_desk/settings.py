"""The desk's settings: who may sign in, and how long they stay signed in."""

from __future__ import annotations

import argon2
from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator

NAME = r"^[A-Za-z0-9][A-Za-z0-9._@-]{0,63}$"


class User(BaseModel):
    """One person who may sign in."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(pattern=NAME, description="what is typed to sign in; case does not matter")
    password_hash: SecretStr = Field(description="an argon2 hash; see `warmline desk password`")
    display_name: str | None = Field(None, max_length=80, description="what colleagues see")
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

    @model_validator(mode="after")
    def _somebody(self) -> DeskSettings:
        names = [user.name.casefold() for user in self.users]
        if self.demo_user:
            names.append(self.demo_user.casefold())
        if not names:
            raise ValueError("nobody could sign in; set `users` or `demo_user`")
        if len(names) != len(set(names)):
            raise ValueError("two users have the same name; names must differ")
        return self
