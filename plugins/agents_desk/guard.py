"""Checks of every request: who is signed in, with which right, and what a form contains."""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from urllib.parse import quote, urlsplit

from aiohttp import BodyPartReader, MultipartReader, web
from aiohttp.http import HttpProcessingError
from structlog.contextvars import bound_contextvars

from gateway import Address, DeskRight, Value, WarmlineError, client_address
from plugins.agents_desk.access.accounts import may
from plugins.agents_desk.access.sessions import BACKGROUND_HEADER, DeskSession, DeskSessions
from plugins.agents_desk.html import HtmlRenderer, redirect

MALFORMED = (
    ValueError,
    AssertionError,
    LookupError,
    RuntimeError,
    web.RequestPayloadError,
    HttpProcessingError,
)
"""What aiohttp raises for multipart bodies that no browser sends."""
LONGEST_TOKEN = 1_000
"""Bytes in which a form's token fits."""
SECOND_FACTOR_PAGE = "/desk/second-factor"
WITHOUT_PERSON = frozenset({"/desk/queue", "/desk/live"})
"""Asked for by every open page at every change, and the same for all who see the same."""
OUTDATED_PAGE = "This page is out of date. Please try again."

RequestHandler = Callable[[web.Request], Awaitable[web.StreamResponse]]
UploadHandler = Callable[[web.Request, DeskSession, MultipartReader], Awaitable[web.StreamResponse]]
SessionHandler = Callable[[web.Request, DeskSession], Awaitable[web.StreamResponse]]


class InvalidForm(WarmlineError):
    """A form that cannot be accepted; the message is for the person who filled it in."""


class ActionForm(Value, frozen=True, kw_only=True):
    """The fields of any form of a conversation. ``state`` and ``last`` are what the agent saw: the
    state as text, and the id of the newest message."""

    conversation: int
    epoch: int = 0
    text: str = ""
    key: str = ""
    suggestion: int | None = None
    tier: str = ""
    skills: tuple[str, ...] = ()
    reason: str = ""
    state: str = ""
    last: int = 0
    channel: str = ""
    value: str = ""
    link: int | None = None
    via: Address | None = None
    to: str = ""
    files: tuple[str, ...] = ()
    """Ids of uploaded files."""
    copies: str = ""
    """Further addresses, as they were typed."""
    reply_all: str = ""
    """Those that got the customer's mail, if they are to get the answer too."""
    turn: int | None = None
    """The turn of an answer to take back."""
    replies: tuple[str, ...] = ()
    """The ids of the saved replies in the answer."""


@dataclass(kw_only=True)
class RequestGuard:
    """Wraps handlers, so that a refused request never reaches them.

    While a handler runs, the client's address is in the context of the logs and the audit log.
    ``proxies``: how many trusted proxies in front of us add to X-Forwarded-For.
    """

    sessions: DeskSessions
    html: HtmlRenderer
    proxies: int = 0
    prepare: Callable[[DeskSession], Awaitable[None]] | None = None
    """Called before each handler of somebody who is signed in: loads what all pages show."""
    standing: Callable[[DeskSession, web.Request], Awaitable[DeskSession]] | None = None
    """Completes the session with what the page's bar says; also learns that a page is open."""

    def read(
        self, handler: SessionHandler, right: DeskRight = "work", *, unfinished: bool = False
    ) -> RequestHandler:
        """For GET: the person must be signed in and have ``right``. ``unfinished``: also for those
        whose second factor is still missing."""

        async def guarded(request: web.Request) -> web.StreamResponse:
            session = await self.sessions.find(request)
            if session is None:
                return self._not_signed_in(request)
            if session.step and not unfinished:
                return self._not_finished(request)
            return await self._call(handler, request, session, right)

        return guarded

    def act(
        self, handler: SessionHandler, right: DeskRight = "work", *, unfinished: bool = False
    ) -> RequestHandler:
        """For POST: as `read`, and the form must be ours, with the token of that session."""

        async def guarded(request: web.Request) -> web.StreamResponse:
            if is_cross_site(request):
                return self._foreign_form()
            session = await self.sessions.find(request)
            if session is None:
                return self._not_signed_in(request)
            if not self.sessions.has_token(request, (await read_fields(request)).get("csrf")):
                return self._foreign_form()
            if session.step and not unfinished:
                return self._not_finished(request)
            return await self._call(handler, request, session, right)

        return guarded

    def upload(self, handler: UploadHandler, right: DeskRight = "work") -> RequestHandler:
        """For a POST with files: as `act`, but ``handler`` reads the body, part by part. The token
        is its first field."""

        async def guarded(request: web.Request) -> web.StreamResponse:
            if is_cross_site(request):
                return self._foreign_form()
            session = await self.sessions.find(request)
            if session is None:
                return self._not_signed_in(request)
            reader, token = await _first_field(request)
            if not self.sessions.has_token(request, token):
                return self._foreign_form()
            if session.step:
                return self._not_finished(request)

            async def handle(request: web.Request, session: DeskSession) -> web.StreamResponse:
                return await handler(request, session, reader)

            return await self._call(handle, request, session, right)

        return guarded

    async def _call(
        self, handler: SessionHandler, request: web.Request, session: DeskSession, right: DeskRight
    ) -> web.StreamResponse:
        if not may(session.role, right):
            return self.html.forbidden()
        if self.prepare is not None and request.path not in WITHOUT_PERSON:
            await self.prepare(session)
        with bound_contextvars(origin=self.client_address(request)):
            if self.standing is not None:
                session = await self.standing(session, request)
            return await handler(request, session)

    def client_address(self, request: web.Request) -> str:
        """The client's address, as the outermost of our own proxies saw it."""
        return client_address(request, self.proxies)

    def _foreign_form(self) -> web.Response:
        text = (
            "This form did not come from an open page of the desk. "
            "Go back, reload the page and try again."
        )
        return self.html.message("Not accepted", text, status=403)

    def _not_signed_in(self, request: web.Request) -> web.Response:
        if BACKGROUND_HEADER in request.headers or request.path == "/desk/live":
            return self.html.message("Signed out", "Please sign in again.", status=401)
        if request.headers.get("Sec-Fetch-Site") == "cross-site" and request.method == "GET":
            # The browser sends no Strict cookie with a link from an e-mail or from Slack. A
            # refresh of a page of ours does send it (RFC 6265bis, 8.8.2).
            return self.html.message(
                "Opening the desk", "One moment.", status=200, refresh=request.path_qs
            )
        return redirect(f"/desk/sign-in?next={_return_to(request)}")

    def _not_finished(self, request: web.Request) -> web.Response:
        """The password was right, and the second factor is missing."""
        if BACKGROUND_HEADER in request.headers or request.path == "/desk/live":
            return self.html.message("Signed out", "Please sign in again.", status=401)
        return redirect(f"{SECOND_FACTOR_PAGE}?next={_return_to(request)}")


def _return_to(request: web.Request) -> str:
    """The page to come back to after signing in, quoted."""
    path = request.path_qs if request.method == "GET" else page_of_action(request.path)
    return quote(path, safe="")


def is_cross_site(request: web.Request) -> bool:
    """Whether the browser says that another site sent the request (Fetch Metadata)."""
    return request.headers.get("Sec-Fetch-Site", "same-origin") not in ("same-origin", "none")


def page_of_action(path: str) -> str:
    """The page with the form that posts to ``path``."""
    return "/".join(path.split("/")[:4]) if path.startswith("/desk/c/") else "/desk"


def safe_target(target: str) -> str:
    """``target`` if it is a page of the desk, else the desk's first page."""
    parts = urlsplit(target)
    inside = parts.path == "/desk" or parts.path.startswith("/desk/")
    plain = target.isprintable() and "\\" not in target and ".." not in target
    return target if inside and plain and not parts.scheme and not parts.netloc else "/desk"


async def read_fields(request: web.Request) -> Mapping[str, object]:
    """The fields of the posted form. Raises HTTPBadRequest for a body that no browser sends: a
    multipart body without its boundary or with broken headers, or an unknown charset."""
    try:
        return await request.post()
    except (ValueError, LookupError, HttpProcessingError):
        raise web.HTTPBadRequest(text="the body is not a valid form") from None


async def _first_field(request: web.Request) -> tuple[MultipartReader, str]:
    """The reader of a multipart body, and the text of its first field. Raises HTTPBadRequest."""
    try:
        reader = await request.multipart()
        part = await reader.next()
        if isinstance(part, BodyPartReader) and part.name == "csrf" and part.filename is None:
            return reader, (await part.read_chunk(LONGEST_TOKEN)).decode("ascii", "replace")
    except MALFORMED:
        pass
    raise web.HTTPBadRequest(text="the body is not a valid form")


def message_key(agent: str, key: str, *said: str) -> str:
    """The key that makes repeated submits of a form one message: same agent, page and content.
    ``said`` is all that may change; another text is another message."""
    digest = hashlib.sha256("\0".join(said).encode()).hexdigest()
    return f"{agent}:{key}:{digest[:16]}"


def parse_action_form(request: web.Request, fields: Mapping[str, object]) -> ActionForm:
    """Raises InvalidForm for values that no page of ours sends."""
    texts = {name: value for name, value in fields.items() if isinstance(value, str)}
    skills = (skill.strip()[:60] for skill in texts.get("skills", "").split(","))
    return ActionForm(
        conversation=int(request.match_info["id"]),
        epoch=_number(texts, "epoch") or 0,
        text=texts.get("text", "").replace("\r\n", "\n"),
        key=texts.get("key", "")[:80],
        suggestion=_number(texts, "suggestion"),
        tier=texts.get("tier", "").strip()[:60],
        skills=tuple(skill for skill in skills if skill)[:20],
        reason=texts.get("reason", "").strip()[:500],
        state=texts.get("state", "")[:120],
        last=_number(texts, "last") or 0,
        channel=texts.get("channel", "").strip().lower()[:60],
        value=texts.get("value", "").strip()[:320],
        link=_number(texts, "link"),
        via=_address(texts.get("via", "")),
        to=texts.get("to", "")[:80],
        files=tuple(id for id in texts.get("files", "")[:2_000].split(",") if id),
        copies=texts.get("copies", "")[:2_000],
        reply_all=texts.get("reply_all", "")[:2_000],
        turn=_number(texts, "turn"),
        replies=tuple(texts.get("replies", "")[:2000].split()),
    )


def _address(lane: str) -> Address | None:
    """The address whose `Address.lane` this is; None when nothing was chosen."""
    address = Address.from_lane(lane[:400])
    return address if address.channel and address.value else None


def _number(texts: dict[str, str], name: str) -> int | None:
    value = texts.get(name, "")
    if not value:
        return None
    if not (value.isascii() and value.isdecimal() and len(value) < 19):
        raise InvalidForm(OUTDATED_PAGE)
    return int(value)
