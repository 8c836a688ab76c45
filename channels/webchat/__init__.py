"""The web chat channel: see docs/webchat.md."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import PurePath
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr

from channels.webchat.origins import FILE, REMEMBERED_DAYS, RefusedSite, read_refused
from gateway import (
    Channel,
    MentionedNames,
    Section,
    Settings,
    SupportAddressName,
    channel_key,
    check_origin,
    hookimpl,
    site_origin,
)

__all__ = ["WebchatSettings"]

Key = Annotated[SecretStr, Field(min_length=32)]
"""At least 256 bits, as RFC 7518, section 3.2, requires of an HS256 key."""

FileType = Literal[
    "image/png", "image/jpeg", "image/gif", "image/webp", "application/pdf", "text/plain"
]


Origin = Annotated[str, AfterValidator(check_origin)]


LOGO_TYPES = {
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".webp": "image/webp",
}
"""Suffix -> media type. No SVG: it is a document that may hold scripts."""

Colour = Annotated[str, Field(pattern=r"^#[0-9a-fA-F]{6}$")]


Language = Annotated[str, Field(pattern=r"^[a-z]{2}$")]
Starters = Annotated[
    tuple[Annotated[str, Field(min_length=1, max_length=80)], ...], Field(max_length=5)
]
"""At most five: more are a menu, which nobody reads."""


def _check_logo(logo: str) -> str:
    if "://" not in logo:
        if PurePath(logo).suffix.lower() not in LOGO_TYPES:
            raise ValueError(f"`{logo}` is no .png, .jpg or .webp file")
        return logo
    parts = urlsplit(logo)
    if parts.scheme != "https" or not parts.hostname or parts.username or parts.fragment:
        raise ValueError(f"`{logo}` is no plain https URL; write https://host/path, or a file")
    return logo


Logo = Annotated[str, Field(max_length=500), AfterValidator(_check_logo)]


class WidgetLook(BaseModel):
    """How the chat looks where the page does not say it."""

    model_config = ConfigDict(extra="forbid")

    title: str | None = Field(None, max_length=80, description="the heading")
    accent: Colour | None = Field(None, description="such as `#1f5f6b`")
    on_accent: Colour | None = Field(None, description="of text on it")
    logo: Logo | None = Field(
        None,
        description="a PNG, JPEG or WebP of at most 100 kB, beside the configuration file, or its "
        "https URL",
    )
    starters: dict[Language, Starters] = Field(
        {}, description="language -> questions to begin with, each one click"
    )


class WebchatSite(BaseModel):
    """A further site. Everything else is as in `WebchatSettings`."""

    model_config = ConfigDict(extra="forbid")

    origins: tuple[Origin, ...] = Field((), description="as for the first")
    identity_secret: Key | None = Field(None, description="as for the first")
    look: WidgetLook | None = None


class WebchatSettings(BaseModel):
    """The section ``channels.webchat``; ``channels.webchat: {}`` enables the chat with the
    defaults. ``sites`` are further sites by name, each with a widget of its own."""

    model_config = ConfigDict(extra="forbid")

    origins: tuple[Origin, ...] = Field(
        (), description="sites that may embed the chat, besides the gateway's own origin"
    )
    secret: Key | None = Field(
        None, description="signs session tokens; none: made once and kept in the data directory"
    )
    identity_secret: Key | None = Field(
        None, description="the site signs the identity tokens of its logged-in users with it"
    )
    session_days: int = Field(
        30, ge=1, le=400, description="days after which an unused session ends"
    )
    text: int = Field(4_000, ge=100, le=20_000, description="characters of one message")
    file_size: int = Field(5_000_000, ge=1_000, description="bytes of one file")
    file_types: tuple[FileType, ...] = (
        "image/png",
        "image/jpeg",
        "image/gif",
        "image/webp",
        "application/pdf",
        "text/plain",
    )
    messages_per_minute: int = Field(30, ge=1, description="messages of one session")
    files_per_minute: int = Field(10, ge=1, description="files of one session")
    files_per_minute_ip: int = Field(60, ge=1, description="files from one IP address")
    transcripts_per_hour: int = Field(3, ge=1, description="transcripts by mail of one session")
    sessions_per_minute: int = Field(30, ge=1, description="new sessions from one IP address")
    lines_per_ip: int = Field(
        40, ge=1, description="open sockets and waiting polls of one IP address"
    )
    lines_per_session: int = Field(
        6, ge=1, description="open sockets and waiting polls of one session"
    )
    proxies: int | None = Field(
        None, ge=0, le=8, description="as the gateway's own `proxies`; none: as that"
    )
    heartbeat: float = Field(25, gt=0, description="seconds between the socket's pings")
    send_timeout: float = Field(
        20, gt=0, description="seconds until a page that does not read is disconnected"
    )
    look: WidgetLook | None = None
    sites: dict[SupportAddressName, WebchatSite] = Field(
        {}, description="further sites of ours, each a support address of its own"
    )

    def mentions(self, settings: Settings) -> MentionedNames:
        """The sites whose pages were refused, so that a forgotten one is found."""
        known = {site for account in self.accounts().values() for site in account.origins}
        known.add(site_origin(settings.core.public_url))
        since = datetime.now(UTC) - timedelta(days=REMEMBERED_DAYS)
        return MentionedNames(
            warnings=tuple(
                (
                    "channels.webchat.origins",
                    _forgotten(site),
                )
                for site in read_refused(settings.data_dir / FILE)
                if site.origin not in known and site.at >= since
            )
        )

    def accounts(self) -> dict[str, Self]:
        """The settings of each site, by its name; the first one has none."""
        sites = self.sites.items()
        return {"": self, **{name: self.model_copy(update=dict(site)) for name, site in sites}}


def _forgotten(site: RefusedSite) -> str:
    what = f"a page of {site.origin} could not show the chat on {site.at:%Y-%m-%d}"
    return f'{what}; if the page is yours, add "{site.origin}" here'


@hookimpl
def register_settings(section: Section) -> None:
    section("channels.webchat", WebchatSettings, {})


@hookimpl
def register_channels(register: Callable[[Channel], None], settings: Settings) -> None:
    if section := settings.section(WebchatSettings):
        from channels.webchat.channel import Webchat  # noqa: PLC0415  (it imports the section)

        for name, site in section.accounts().items():
            account = site.model_copy(update={"look": _look(site.look, name, settings)})
            register(Webchat.from_settings(account, settings, support_address=name))


def _look(look: WidgetLook | None, name: str, settings: Settings) -> WidgetLook:
    """The look of the site's brand, laid over its own. Raises BadConfig."""
    brand = settings.brands.by_key(channel_key("webchat", name))
    own = settings.core.brands[brand].widget if brand else None
    return settings.overlaid(look or WidgetLook(), own or {}, f"brands.{brand}.widget")
