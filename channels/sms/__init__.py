"""SMS, and WhatsApp, through Twilio. See docs/sms.md."""

from __future__ import annotations

from collections.abc import Callable
from ipaddress import IPv4Network, IPv6Network
from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, model_validator

from gateway import Channel, Section, Settings, SupportAddressName, hookimpl

__all__ = ["API", "SmsSettings"]

LanguageCode = Annotated[str, Field(pattern="^[a-z]{2}$")]
ContentSid = Annotated[str, Field(pattern="^HX[0-9a-fA-F]{32}$")]
API = "https://api.twilio.com"
"""Twilio's own API."""


def _read_from(data: Any) -> Any:
    """Read ``from``, which cannot be a field: it is a Python keyword. A Messaging Service alone is
    enough."""
    if not isinstance(data, dict):
        return data
    values = dict(data)
    for name in ("from", "messaging_service"):
        if values.get(name) and "from_" not in values:
            values["from_"] = values[name]
    values.pop("from", None)
    return values


class SmsNumber(BaseModel):
    """A further number or Messaging Service. What it does not set is as in `SmsSettings`."""

    model_config = ConfigDict(extra="forbid")

    from_: str = Field(min_length=3, description="as in `channels.sms`")
    messaging_service: str | None = Field(None, description="its SID; it chooses the number")
    whatsapp_from: str | None = Field(None, description="none: the same number or service")
    whatsapp_templates: dict[LanguageCode, ContentSid] | None = Field(
        None, description="of its account; none: as the others of the account"
    )
    rcs_from: str | None = Field(None, pattern=r"^rcs:.+$", description="none: it has no RCS")
    account_sid: str | None = Field(None, min_length=1, description="none: the same account")
    auth_token: SecretStr | None = Field(None, description="of its account")
    rate: float | None = Field(None, gt=0, description="messages a second; none: as the others")

    _from = model_validator(mode="before")(_read_from)

    @model_validator(mode="after")
    def _account_has_token(self) -> Self:
        if (self.account_sid is None) != (self.auth_token is None):
            raise ValueError("another account needs both `account_sid` and `auth_token`")
        return self


class SmsSettings(BaseModel):
    """The section ``channels.sms``: a Twilio account, and the number or Messaging Service that we
    write from; ``numbers`` are further ones by name. ``from_`` is ``from`` in the file and
    ``WARMLINE_CHANNELS__SMS__FROM`` in the environment."""

    model_config = ConfigDict(extra="forbid")

    account_sid: str = Field(min_length=1)
    auth_token: SecretStr
    from_: str = Field(
        min_length=3, description="a number such as +15550100, or a Messaging Service's SID (MG...)"
    )
    messaging_service: str | None = Field(None, description="its SID; it chooses the number")
    whatsapp_from: str | None = Field(None, description="none: the same number or service")
    whatsapp_templates: dict[LanguageCode, ContentSid] = Field(
        {},
        description="ISO 639-1 code: the SID (HX...) of an approved template with the one variable"
        " {{1}}; it carries messages when the customer's last one is 24 hours old",
    )
    rcs_from: str | None = Field(
        None, pattern=r"^rcs:.+$", description="rcs:...; none: the Messaging Service, else SMS"
    )
    api_base: str = Field(API, pattern=r"^https?://[^/]+/?$")
    timeout: float = Field(20.0, gt=0, le=120, description="seconds for one call")
    rate: float | None = Field(None, gt=0, description="messages a second; none: Twilio queues")
    trusted_proxies: tuple[IPv4Network | IPv6Network, ...] = Field(
        (), description="networks whose X-Forwarded-Proto and -Host are trusted"
    )

    media_timeout: float = Field(8.0, gt=0, le=12, description="seconds; Twilio waits for 15")
    media_types: tuple[str, ...] = (
        "image/",
        "audio/",
        "video/",
        "application/pdf",
        "text/plain",
        "text/vcard",
        "text/x-vcard",
        "text/calendar",
    )
    media_hosts: tuple[str, ...] = (
        "mms.twiliocdn.com",
        "media.twiliocdn.com",
        "s3-external-1.amazonaws.com",
    )

    opt_out_words: tuple[str, ...] = Field((), description="in addition to the built-in ones")
    opt_in_words: tuple[str, ...] = ()
    help_by_twilio: bool = Field(True, description="Twilio answers HELP and INFO on SMS itself")
    price_per_segment: float | None = Field(
        None, ge=0, description="to estimate costs; none: no estimate"
    )
    currency: str = Field("USD", min_length=3, max_length=3)

    numbers: dict[SupportAddressName, SmsNumber] = Field(
        {}, description="further numbers of ours, each a support address of its own"
    )

    _from = model_validator(mode="before")(_read_from)

    @model_validator(mode="after")
    def _each_number_once(self) -> Self:
        owners: dict[str, str] = {}
        for name, account in self.accounts().items():
            for number in account.addressed:
                if (other := owners.setdefault(number, name)) != name:
                    raise ValueError(
                        f"`numbers.{name}`: {number} is that of "
                        f"{f'`numbers.{other}`' if other else '`from`'}; each needs its own"
                    )
        return self

    def accounts(self) -> dict[str, Self]:
        """The settings of each support address, by its name; the first one has none."""
        first = self.model_copy(update={"numbers": {}})
        named = {}
        for name, number in self.numbers.items():
            own = {key: value for key, value in number if value is not None}
            alone = {"messaging_service": None, "whatsapp_from": None, "rcs_from": None}
            templates: dict[str, Any] = {"whatsapp_templates": {}} if number.account_sid else {}
            update = {**alone, **templates, **own}
            named[name] = first.model_copy(update=update)
        return {"": first, **named}

    @property
    def addressed(self) -> frozenset[str]:
        """What ``To`` or ``MessagingServiceSid`` of a message to this support address may be,
        without a prefix."""
        whatsapp = self.whatsapp_from and self.whatsapp_from.removeprefix("whatsapp:")
        return frozenset(filter(None, (self.from_, self.service, whatsapp, self.rcs_from)))

    @property
    def service(self) -> str | None:
        """The Messaging Service's SID, from either setting."""
        return self.messaging_service or (self.from_ if self.from_.startswith("MG") else None)

    @property
    def number(self) -> str | None:
        """Our number; None when a Messaging Service chooses it."""
        return None if self.from_.startswith("MG") else self.from_

    @property
    def base(self) -> str:
        """The API's origin, without a slash at the end."""
        return self.api_base.rstrip("/")

    @property
    def overridden(self) -> bool:
        """Whether the API is not Twilio's own (a test server, a proxy)."""
        return self.base != API


@hookimpl
def register_settings(section: Section) -> None:
    section(
        "channels.sms",
        SmsSettings,
        {
            "TWILIO_ACCOUNT_SID": "account_sid",
            "TWILIO_AUTH_TOKEN": "auth_token",
            "WARMLINE_CHANNELS__SMS__FROM": "from_",
        },
    )


@hookimpl
def register_channels(register: Callable[[Channel], None], settings: Settings) -> None:
    if (account := settings.section(SmsSettings)) is None:
        return
    # Imported here: without an account nothing waits for the SDK.
    from channels.sms.channel import channels  # noqa: PLC0415

    for channel in channels(account, settings):
        register(channel)
