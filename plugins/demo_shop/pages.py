"""The shop's pages. They have no inline scripts or styles, and their policy forbids them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from importlib.resources import files
from pathlib import Path
from urllib.parse import urlsplit

from aiohttp import web
from jinja2 import Environment, PackageLoader, StrictUndefined

from gateway import AnswersFile, Json, Services, StaticAssets, packaged_yaml, read_shape
from plugins.demo_shop.mails import read_mails

PACKAGE = "plugins.demo_shop"


class ShopPages:
    """``GET /``, and all below ``/shop/``."""

    def __init__(self, *, maildir: Path, smtp_port: int, address: str, public_url: str) -> None:
        """``smtp_port`` and ``address`` are shown to visitors, and the mails in ``maildir``."""
        self._maildir = maildir
        self._headers = _page_headers(public_url)
        self._assets = StaticAssets(PACKAGE)
        self._templates = Environment(
            loader=PackageLoader(PACKAGE),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        answers = read_shape(config().parent / "answers.yaml", AnswersFile).answers
        # The pages show the facts of the answers, so that they say the same as the chat.
        facts = {intent: answer.facts_in("en") for intent, answer in answers.items()}
        self._templates.globals.update(facts=facts, port=smtp_port, address=address)

    def routes(self, services: Services) -> Iterable[web.RouteDef]:  # noqa: ARG002  (needs no service)
        """The pages and their assets."""
        return [
            web.get("/", self._front),
            web.get("/shop/help", self._help),
            web.get("/shop/mail", self._mail),
            web.get("/shop/{name}", self._asset),
        ]

    def describe(self) -> Mapping[str, Json]:
        """The routes, for ``/openapi.json``."""
        description: dict[str, Json] = packaged_yaml(PACKAGE, "openapi.yaml")
        return description

    def hints(self, url: str) -> Iterable[str]:
        """Where the shop and the mails that it sent are."""
        yield f"Shop   {url}/"
        yield f"E-mail {url}/shop/mail"

    async def _front(self, _: web.Request) -> web.Response:
        return self._page("front.html")

    async def _help(self, _: web.Request) -> web.Response:
        return self._page("help.html")

    async def _mail(self, _: web.Request) -> web.Response:
        return self._page("mail.html", mails=await asyncio.to_thread(read_mails, self._maildir))

    async def _asset(self, request: web.Request) -> web.Response:
        try:
            return self._assets.serve(request, request.match_info["name"], max_age=300)
        except KeyError:
            raise web.HTTPNotFound from None

    def _page(self, template: str, **values: object) -> web.Response:
        text = self._templates.get_template(template).render(**values)
        return web.Response(text=text, content_type="text/html", headers=self._headers)


def config() -> Path:
    """The demo's configuration, which `warmline` uses when it is given none."""
    return Path(str(files(PACKAGE).joinpath("demo", "warmline.yaml")))


def _page_headers(public_url: str) -> dict[str, str]:
    """The headers of every page. The chat's socket is named beside ``'self'``, because older
    browsers do not count it as part of that."""
    url = urlsplit(public_url)
    socket = f"{'wss' if url.scheme == 'https' else 'ws'}://{url.netloc}"
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
