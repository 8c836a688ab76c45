"""The shop's pages. They carry no code and no style of their own, and the policy says so."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from importlib.resources import files
from pathlib import Path
from urllib.parse import urlsplit

from aiohttp import web
from jinja2 import Environment, PackageLoader, StrictUndefined

from gateway import Json, Services, packaged_yaml
from plugins.demo_shop.facts import facts
from plugins.demo_shop.letters import letters

TYPES = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}


class Shop:
    """``GET /``, and all below ``/shop/``."""

    def __init__(self, *, maildir: Path, smtp_port: int, address: str, public_url: str) -> None:
        self._maildir = maildir
        self._headers = headers(public_url)
        self._assets = {
            path.name: (path.read_bytes(), TYPES[Path(path.name).suffix])
            for path in files("plugins.demo_shop").joinpath("static").iterdir()
        }
        self._paper = Environment(
            loader=PackageLoader("plugins.demo_shop"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._paper.globals.update(facts=facts(), port=smtp_port, address=address)

    def routes(self, services: Services) -> Iterable[web.RouteDef]:  # noqa: ARG002  (it asks nothing)
        return [
            web.get("/", self._front),
            web.get("/shop/help", self._help),
            web.get("/shop/mail", self._mail),
            web.get("/shop/{name}", self._asset),
        ]

    def describe(self) -> Mapping[str, Json]:
        """What its doors take and answer, for ``/openapi.json``."""
        part: dict[str, Json] = packaged_yaml("plugins.demo_shop", "openapi.yaml")
        return part

    def hints(self, url: str) -> Iterable[str]:
        """The shop, and what it sent by mail."""
        yield f"Shop   {url}/"
        yield f"Mails  {url}/shop/mail"

    async def _front(self, _: web.Request) -> web.Response:
        return self._page("front.html")

    async def _help(self, _: web.Request) -> web.Response:
        return self._page("help.html")

    async def _mail(self, _: web.Request) -> web.Response:
        found = await asyncio.to_thread(letters, self._maildir)
        return self._page("mail.html", letters=found)

    async def _asset(self, request: web.Request) -> web.Response:
        found = self._assets.get(request.match_info["name"])
        if found is None:
            raise web.HTTPNotFound
        body, kind = found
        return web.Response(
            body=body,
            content_type=kind,
            charset="utf-8",
            headers={"X-Content-Type-Options": "nosniff", "Cache-Control": "max-age=300"},
        )

    def _page(self, template: str, **values: object) -> web.Response:
        text = self._paper.get_template(template).render(**values)
        return web.Response(text=text, content_type="text/html", headers=self._headers)


def headers(public_url: str) -> dict[str, str]:
    """What every page is sent with. The socket of the chat is named besides ``'self'`` because
    older browsers do not count it among what comes from here."""
    at = urlsplit(public_url)
    socket = f"{'wss' if at.scheme == 'https' else 'ws'}://{at.netloc}"
    return {
        "Content-Security-Policy": (
            "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; "
            f"connect-src 'self' {socket}; base-uri 'none'; form-action 'none'; "
            "frame-ancestors 'none'"
        ),
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "same-origin",
        "Cache-Control": "no-store",
    }
