"""The web chat: a widget on the customer's page, a socket to it, and long polls as a fallback."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
from aiohttp import web

from channels.webchat import LOGO_TYPES, WebchatSettings, WidgetLook, wire
from channels.webchat.admission import Admission, error_response, preflight
from channels.webchat.frame_handler import FrameHandler
from channels.webchat.http_api import HttpApi, sniff
from channels.webchat.origins import FILE, AllowedOrigins
from channels.webchat.sockets import SocketEndpoint
from channels.webchat.tokens import CHANNEL, SessionTokens, lasting_secret
from gateway import (
    Json,
    Services,
    Settings,
    StaticAssets,
    Traits,
    UnsafeSetting,
    WarmlineError,
    packaged_yaml,
    site_origin,
    untrusted_proxy,
)

ROOT = "/channels/webchat"
LOADER = "widget.js"
LOADER_SECONDS = 300
LARGEST_LOGO = 100_000
"""Bytes of a logo: every page that shows the chat loads it."""
COMMENTS = re.compile(rb"^ *//.*\n|^/\*.*\*/\n|^ +|^\n", re.MULTILINE)
"""Comment lines, indentation and empty lines. No string in our files spans several lines."""


class Webchat:
    """Customers reach us through the chat on a web page."""

    name = CHANNEL
    traits = Traits(mailbox=True, buttons=True, attachments=True, fleeting=True)

    def __init__(
        self,
        settings: WebchatSettings,
        *,
        secret: str,
        public_url: str,
        support_address: str = "",
        logo: LogoFile | None = None,
        settings_file: str = "warmline.yaml",
        data_dir: Path | None = None,
    ) -> None:
        self.support_address = support_address
        self._root = f"{ROOT}/sites/{support_address}" if support_address else ROOT
        self._settings, self._public_url = settings, public_url
        identity = settings.identity_secret
        self._tokens = SessionTokens(
            secret=secret,
            identity_secret=identity.get_secret_value() if identity else None,
            session_days=settings.session_days,
            site=support_address,
        )
        self._key = f"channels.webchat{f'.sites.{support_address}' if support_address else ''}"
        origins = AllowedOrigins(
            {*settings.origins, site_origin(public_url)},
            setting=f"{self._key}.origins",
            settings_file=settings_file,
            file=data_dir / FILE if data_dir else None,
        )
        self._admission = Admission(
            origins,
            per_ip=settings.lines_per_ip,
            per_session=settings.lines_per_session,
            proxies=settings.proxies or 0,
        )
        self._logo = logo
        self._assets = widget_assets(settings.look, logo)

    @classmethod
    def from_settings(
        cls, section: WebchatSettings, settings: Settings, *, support_address: str = ""
    ) -> Webchat:
        """Build the channel. Without a configured secret one is made at the first start."""
        secret, limit = section.secret, settings.core.limits.attachment
        proxies = settings.core.proxies if section.proxies is None else section.proxies
        update = {"file_size": min(section.file_size, limit), "proxies": proxies}
        return cls(
            section.model_copy(update=update),
            secret=secret.get_secret_value()
            if secret
            else lasting_secret(settings.data_dir / "webchat.key"),
            public_url=settings.core.public_url,
            support_address=support_address,
            logo=read_logo(section.look, settings),
            settings_file=settings.file.name if settings.file else "the settings",
            data_dir=settings.data_dir,
        )

    def routes(self, services: Services) -> Iterable[web.RouteDef]:
        handler = FrameHandler(services, self._tokens, self._settings)
        socket = SocketEndpoint(
            services=services,
            handler=handler,
            admission=self._admission,
            heartbeat=self._settings.heartbeat,
            send_timeout=self._settings.send_timeout,
        )
        api = HttpApi(
            services=services,
            handler=handler,
            tokens=self._tokens,
            admission=self._admission,
            settings=self._settings,
        )
        routes = [
            ("GET", "/socket", socket.serve),
            ("GET", "/messages", api.poll),
            ("POST", "/messages", api.post_frame),
            ("OPTIONS", "/messages", preflight),
            ("POST", "/files", api.upload),
            ("OPTIONS", "/files", preflight),
            ("GET", "/files/{ref}", api.download),
            ("OPTIONS", "/files/{ref}", preflight),
        ]
        return [
            web.get(f"{self._root}/{LOADER}", self._serve_loader),
            web.get(f"{self._root}/assets/{{version}}/{{name}}", self._serve_asset),
            web.get(f"{self._root}/logo", self._serve_logo),
            web.get(f"{self._root}/embedding", self._admission.tell_embedding),
            *(
                web.route(method, self._root + path, self._admission.guard(serve))
                for method, path, serve in routes
            ),
        ]

    def describe(self) -> Mapping[str, Json]:
        """The part of ``/openapi.json``; further sites have the same paths below theirs."""
        if self.support_address:
            return {}
        part: dict[str, Any] = packaged_yaml("channels.webchat", "openapi.yaml")
        part["components"]["schemas"] = wire.schemas(f"{CHANNEL}.")
        return part

    def unsafe_settings(self) -> Iterable[UnsafeSetting]:
        """What is unsafe in public."""
        yield from untrusted_proxy(self._public_url, self._settings.proxies or 0)
        for origin in self._settings.origins:
            if origin.startswith("http://"):
                yield UnsafeSetting(
                    key=f"{self._key}.origins",
                    what=f"{origin} is plain http: others could change the page and read the chat",
                    fix="embed the chat on pages with https",
                )

    async def run(self, services: Services) -> None:  # noqa: ARG002  (part of Poller)
        """Wait until the server stops, then close all connections: pages reconnect later."""
        try:
            await asyncio.Event().wait()
        finally:
            await self._admission.close()

    async def _serve_loader(self, request: web.Request) -> web.StreamResponse:
        """``GET widget.js``: a fixed address, so browsers ask for it again every few minutes."""
        return self._assets.serve(request, LOADER, max_age=LOADER_SECONDS)

    async def _serve_logo(self, _: web.Request) -> web.StreamResponse:
        """``GET logo``: for any page, as the widget's other files."""
        if self._logo is None:
            return error_response(404, "not_found", "there is no logo")
        return web.Response(
            body=self._logo.data,
            content_type=self._logo.media_type,
            headers={
                "Access-Control-Allow-Origin": "*",
                "Cross-Origin-Resource-Policy": "cross-origin",
                "Cache-Control": f"public, max-age={LOADER_SECONDS}",
                "Content-Security-Policy": "default-src 'none'; sandbox",
                "X-Content-Type-Options": "nosniff",
            },
        )

    async def _serve_asset(self, request: web.Request) -> web.StreamResponse:
        """``GET assets/VERSION/NAME``. Another version gets the current file, uncached."""
        name, version = request.match_info["name"], request.match_info["version"]
        if name not in self._assets.names:
            return error_response(404, "not_found", "there is no such file")
        return self._assets.serve(request, name, version=version)


class LogoFile(NamedTuple):
    """A logo that we serve."""

    media_type: str
    data: bytes


def read_logo(look: WidgetLook | None, settings: Settings) -> LogoFile | None:
    """The file that ``look`` names, if it names one. Raises WarmlineError when that is no image of
    its kind, or too large."""
    if look is None or not look.logo or "://" in look.logo:
        return None
    path = settings.path(Path(look.logo))
    expected = LOGO_TYPES[path.suffix.lower()]
    try:
        data = path.read_bytes()
    except OSError as error:
        raise WarmlineError(f"channels.webchat.look.logo: {path}: {error.strerror}") from error
    if len(data) > LARGEST_LOGO or sniff(data) != expected:
        raise WarmlineError(
            f"channels.webchat.look.logo: {path} is no {expected} of at most {LARGEST_LOGO} bytes;"
            " save it as one, 96 pixels high are enough"
        )
    return LogoFile(expected, data)


def widget_assets(look: WidgetLook | None = None, logo: LogoFile | None = None) -> StaticAssets:
    """The widget's files, with ``look`` filled in. The loader, ``widget.js``, names the version of
    the others."""
    shown: dict[str, object] = {}
    if look is not None:
        named = "logo" if logo else look.logo  # ours is relative to the widget
        values = {"title": look.title, "logo": named, "starters": look.starters}
        shown = {name: value for name, value in values.items() if value}
    filled = msgspec.json.encode(shown)
    colours = {"accent": look.accent, "on-accent": look.on_accent} if look else {}
    style = "".join(f"--warmline-{name}: {colour};" for name, colour in colours.items() if colour)

    def minify(name: str, body: bytes, version: str) -> bytes:
        if name == LOADER:
            body = body.replace(b"VERSION", version.encode())
        elif name == "chat.js":
            body = body.replace(b"const LOOK = {};", b"const LOOK = %s;" % filled)
        elif name == "chat.css" and style:
            body += f":host {{ {style} }}\n".encode()  # the page's own rules win
        return COMMENTS.sub(b"", body)

    headers = {
        "Access-Control-Allow-Origin": "*",  # browsers fetch modules of other origins by CORS
        "Cross-Origin-Resource-Policy": "cross-origin",
    }
    salt = style.encode() + (filled if shown else b"")
    return StaticAssets("channels.webchat", headers=headers, transform=minify, salt=salt)
