"""Which other systems are told what happens here, and how hard we try."""

from __future__ import annotations

import base64
import binascii
from typing import Annotated

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    HttpUrl,
    SecretStr,
    StringConstraints,
    field_validator,
)

Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,63}$")]
MAKE = "`echo whsec_$(openssl rand -base64 32)` makes one"


class Endpoint(BaseModel):
    """Another system that is told what happens here."""

    model_config = ConfigDict(extra="forbid")

    url: HttpUrl
    secret: SecretStr = Field(description="`whsec_` and base64; two with a space while it changes")
    events: tuple[str, ...] = Field((), description="`message.sent`, or `message`; none: all")
    include_text: bool = Field(False, description="what was written goes along")
    allow_private: bool = Field(False, description="the address may be one of this network")

    @field_validator("secret")
    @classmethod
    def _usable(cls, secret: SecretStr) -> SecretStr:
        keys = secret.get_secret_value().split()
        if not keys or not all(_is_key(one) for one in keys):
            raise ValueError(f"must be `whsec_` and base64 of 24 to 64 bytes; {MAKE}")
        return secret


class Webhooks(BaseModel):
    """Other systems, and how often and how long each is tried."""

    model_config = ConfigDict(extra="forbid")

    endpoints: dict[Name, Endpoint] = {}
    attempts: int = Field(24, ge=1, description="then it is a dead letter")
    backoff_first: float = Field(5.0, gt=0, description="seconds")
    backoff_most: float = Field(21_600.0, gt=0, description="seconds")
    timeout: float = Field(15.0, gt=0, le=300, description="seconds for one attempt")
    at_once: int = Field(8, ge=1, le=256, description="requests side by side to one endpoint")


def _is_key(text: str) -> bool:
    """The size that the Standard Webhooks specification asks for, 24 to 64 bytes."""
    try:
        return 24 <= len(base64.b64decode(text.removeprefix("whsec_"), validate=True)) <= 64
    except binascii.Error:
        return False
