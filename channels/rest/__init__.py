"""The REST channel: Rasa's REST-channel protocol, so that any web client made for it works.

See docs/http.md. Outside a demo it is closed: it sleeps until the settings say who may use it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, model_validator

from gateway import (
    Channel,
    Section,
    Settings,
    SupportAddressName,
    UnsafeSetting,
    check_origin,
    hookimpl,
)

__all__ = ["RestSettings"]

MAX_WAIT = 60.0
"""Seconds that a client may wait for an answer or for new messages in one request."""
SHORTEST_TOKEN = 22
"""Characters of base64 that hold 128 bits, below which a token may be guessed."""

Origin = Annotated[str, AfterValidator(check_origin)]


class RestSite(BaseModel):
    """A further program. Everything else is as in `RestSettings`, but that it is never open."""

    model_config = ConfigDict(extra="forbid")

    token: SecretStr | None = Field(None, min_length=1, description="as for the first")
    identity_secret: SecretStr | None = Field(None, min_length=32, description="as for the first")
    origins: tuple[Literal["*"] | Origin, ...] | None = Field(
        None, description="none: those of the first"
    )
    callback_url: str | None = Field(None, pattern="^https?://", description="as for the first")

    @model_validator(mode="after")
    def _closed(self) -> Self:
        if self.token is None and self.identity_secret is None:
            raise ValueError("anybody could use it; set its `token` or `identity_secret`")
        return self


class RestSettings(BaseModel):
    """The section ``channels.rest``; ``sites`` are further programs by name, each with paths of its
    own."""

    model_config = ConfigDict(extra="forbid")

    token: SecretStr | None = Field(
        None, min_length=1, description="clients send it as a bearer token, and may be any sender"
    )
    identity_secret: SecretStr | None = Field(
        None,
        min_length=32,
        description="your site signs the identity tokens of senders with it, at least 32 "
        "characters; each may read and write only as that sender",
    )
    open: bool = Field(
        False,
        description="whether anybody may read and write as any sender; for a demo and for tests",
    )
    origins: tuple[Literal["*"] | Origin, ...] = Field(
        (), description="sites whose pages may use the channel, besides our own; `*`: all"
    )
    answer_timeout: float = Field(
        10.0, gt=0, le=MAX_WAIT, description="seconds that a request waits for its answer"
    )
    callback_url: str | None = Field(
        None, pattern="^https?://", description="where messages are pushed, instead of answered"
    )
    callback_timeout: float = Field(10.0, gt=0, description="seconds for one push")
    requests_per_minute: int | None = Field(
        6000,
        ge=1,
        description="requests a minute with the token, or as one signed sender; none: no limit",
    )
    requests_per_address: int | None = Field(
        600,
        ge=1,
        description="requests a minute from one IP address without valid credentials; none: no "
        "limit",
    )
    sites: dict[SupportAddressName, RestSite] = Field(
        {}, description="further programs, each a support address of its own"
    )

    def accounts(self) -> dict[str, Self]:
        """The settings of each support address, by its name; the first one has none."""
        found = {"": self}
        for name, site in self.sites.items():
            own = dict(site) | {"open": False, "sites": {}}
            if site.origins is None:
                own["origins"] = self.origins
            found[name] = self.model_copy(update=own)
        return found

    def why_asleep(self) -> str | None:
        """Why the channel does not wake with these settings; None: it does."""
        if self.open or self.token is not None or self.identity_secret is not None:
            return None
        return (
            "anybody could read and write as any sender; set `channels.rest.token` "
            "(WARMLINE_CHANNELS__REST__TOKEN) or `channels.rest.identity_secret`, or "
            "`channels.rest.open: true` if that is intended"
        )

    def unsafe(self, name: str = "") -> Sequence[UnsafeSetting]:
        """What is unsafe in public. ``name`` is that of the support address."""
        key = f"channels.rest.sites.{name}" if name else "channels.rest"
        found = []
        token = self.token.get_secret_value() if self.token else None
        if token is None and self.identity_secret is None:
            what = "anybody may read and write as any sender"
            fix = "set `token` or `identity_secret`, and remove `open`"
            found.append(UnsafeSetting(key="channels.rest.open", what=what, fix=fix))
        if token is not None and len(token) < SHORTEST_TOKEN:
            what = f"a token of {len(token)} characters may be guessed"
            fix = "make one with `openssl rand -base64 32`"
            found.append(UnsafeSetting(key=f"{key}.token", what=what, fix=fix))
        if self.callback_url and _is_plain(self.callback_url):
            what = "messages are pushed over plain http"
            fix = "use an https address"
            found.append(UnsafeSetting(key=f"{key}.callback_url", what=what, fix=fix))
        if "*" in self.origins and token is None:
            what = "the pages of every site may use the channel"
            found.append(UnsafeSetting(key=f"{key}.origins", what=what, fix="list your own sites"))
        if self.requests_per_address is None and not name:
            what = "nothing limits the requests of one address"
            fix = "remove it for the default, or set a number"
            found.append(
                UnsafeSetting(key="channels.rest.requests_per_address", what=what, fix=fix)
            )
        return found


def _is_plain(url: str) -> bool:
    parts = urlsplit(url)
    return parts.scheme == "http" and parts.hostname not in ("127.0.0.1", "::1", "localhost")


@hookimpl
def register_settings(section: Section) -> None:
    section("channels.rest", RestSettings, {})


@hookimpl
def register_channels(register: Callable[[Channel], None], settings: Settings) -> None:
    if (section := settings.section(RestSettings)) is None:
        return
    from channels.rest.channel import Rest, RestCallback  # noqa: PLC0415  (it imports the section)

    core = settings.core
    for name, site in section.accounts().items():
        channel = Rest if site.callback_url is None else RestCallback
        register(
            channel(site, proxies=core.proxies, public_url=core.public_url, support_address=name)
        )
