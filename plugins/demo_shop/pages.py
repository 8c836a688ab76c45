"""The shop's pages, and the mails that one of them shows.

The pages have no inline scripts or styles, and their policy forbids them. The mails that the shop
sent are read from a Maildir and shown as text.
"""

from __future__ import annotations

import asyncio
import email
import heapq
from collections.abc import Iterable, Iterator, Mapping
from email import policy
from email.message import EmailMessage
from importlib.resources import files
from pathlib import Path
from urllib.parse import urlsplit

from aiohttp import web
from jinja2 import Environment, PackageLoader, StrictUndefined

from gateway import (
    AnswersFile,
    Json,
    Services,
    StaticAssets,
    UnsafeSetting,
    Value,
    packaged_yaml,
    read_shape,
)

PACKAGE = "plugins.demo_shop"
NEWEST_MAILS = 50
"""Mails that are shown."""
LARGEST_MAIL = 256_000
"""Bytes of one mail that are read; the rest, mostly attachments, is not shown."""


class SentMail(Value, frozen=True, kw_only=True):
    """One mail, as text."""

    to: str
    sender: str
    subject: str
    date: str
    text: str


class ShopPages:
    """``GET /``, and all below ``/shop/``."""

    def __init__(
        self, *, maildir: Path, smtp_port: int, address: str, public_url: str, history: str = ""
    ) -> None:
        """``smtp_port`` and ``address`` are shown to visitors, and the mails in ``maildir``.
        ``history`` is the label of the simulated conversations; empty: there are none."""
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
        self._templates.globals.update(
            facts=facts, port=smtp_port, address=address, history=history
        )

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

    def unsafe_settings(self) -> Iterable[UnsafeSetting]:
        """What is unsafe in public: all of it."""
        yield UnsafeSetting(
            key="plugins.demo_shop",
            what="the demo shop is served, and anyone may read the mails in its folder",
            fix="remove the section",
        )

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


def read_mails(maildir: Path) -> tuple[SentMail, ...]:
    """The newest mails of ``maildir``, newest first; none when there is no such folder."""
    newest = heapq.nlargest(NEWEST_MAILS, _mail_files(maildir))
    return tuple(_read_mail(path) for _, path in newest)


def _mail_files(maildir: Path) -> Iterator[tuple[int, Path]]:
    for folder in ("new", "cur"):
        # Another program may read the mails: a file can disappear while we look.
        try:
            for path in (maildir / folder).iterdir():
                if path.is_file():
                    yield path.stat().st_mtime_ns, path
        except FileNotFoundError:
            continue


def _read_mail(path: Path) -> SentMail:
    with path.open("rb") as file:
        message = email.message_from_bytes(file.read(LARGEST_MAIL), policy=policy.default)

    def header(name: str) -> str:
        return str(message.get(name, "")).strip()

    return SentMail(
        to=header("To"),
        sender=header("From"),
        subject=header("Subject") or "(no subject)",
        date=header("Date"),
        text=_mail_text(message),
    )


def _mail_text(message: EmailMessage) -> str:
    body = message.get_body(preferencelist=("plain", "html"))
    data = body.get_payload(decode=True) if body is not None else None
    if body is None or not isinstance(data, bytes):
        return "(no text)"
    try:
        return data.decode(body.get_content_charset("utf-8"), "replace").strip()
    except LookupError:
        return data.decode("ascii", "replace").strip()


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
