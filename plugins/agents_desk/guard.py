"""Who may pass: every page wants a session, every deed also a token that only our pages know."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from urllib.parse import quote, urlsplit

from aiohttp import web
from structlog.contextvars import bound_contextvars

from plugins.agents_desk.forms import posted
from plugins.agents_desk.paper import Paper, sealed
from plugins.agents_desk.roles import Right, may
from plugins.agents_desk.sessions import BACKGROUND, Session, Sessions

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
Signed = Callable[[web.Request, Session], Awaitable[web.StreamResponse]]


class Guard:
    """Wraps handlers. What it refuses never reaches them. While one runs, the address that the
    request came from stands in the context of the logs and of the audit log."""

    def __init__(self, sessions: Sessions, paper: Paper, *, behind_proxy: bool = False) -> None:
        self._sessions, self._paper, self._behind_proxy = sessions, paper, behind_proxy

    def read(self, handler: Signed, right: Right = "work") -> Handler:
        """For GET: someone must be signed in, with that right."""

        async def guarded(request: web.Request) -> web.StreamResponse:
            session = await self._sessions.find(request)
            if session is None:
                return self._stranger(request)
            return await self._pass(handler, request, session, right)

        return guarded

    def act(self, handler: Signed, right: Right = "work") -> Handler:
        """For POST: signed in, from one of our pages, with that session's token and the right."""

        async def guarded(request: web.Request) -> web.StreamResponse:
            if self.foreign(request):
                return self.refused()
            session = await self._sessions.find(request)
            if session is None:
                return self._stranger(request)
            if not self._sessions.genuine(request, (await posted(request)).get("csrf")):
                return self.refused()
            return await self._pass(handler, request, session, right)

        return guarded

    async def _pass(
        self, handler: Signed, request: web.Request, session: Session, right: Right
    ) -> web.StreamResponse:
        if not may(session.role, right):
            return self.forbidden()
        with bound_contextvars(origin=self.origin(request)):
            return await handler(request, session)

    def origin(self, request: web.Request) -> str:
        """Where it comes from: the peer, or what our own proxy says of it (its last entry)."""
        told = request.headers.get("X-Forwarded-For", "").rpartition(",")[2].strip()
        return (told if self._behind_proxy and told else request.remote or "")[:64]

    def foreign(self, request: web.Request) -> bool:
        """Whether the browser itself says that another site sent this (Fetch Metadata)."""
        return request.headers.get("Sec-Fetch-Site", "same-origin") not in ("same-origin", "none")

    def refused(self) -> web.Response:
        text = "This form did not come from an open page of the desk. Go back, reload, try again."
        return self._paper.plain("Not accepted", text, status=403)

    def forbidden(self) -> web.Response:
        return self._paper.plain("Not for you", "Your role does not include this.", status=403)

    def _stranger(self, request: web.Request) -> web.Response:
        if BACKGROUND in request.headers or request.path == "/desk/live":
            return self._paper.plain("Signed out", "Please sign in again.", status=401)
        if request.headers.get("Sec-Fetch-Site") == "cross-site" and request.method == "GET":
            # A Strict cookie does not come along from a link in a mail or in Slack: ask once
            # more from a page of our own, and it does (RFC 6265bis, 8.8.2).
            return self._paper.page(
                "plain.html",
                title="Opening the desk",
                text="One moment.",
                refresh=request.path_qs,
                typed="",
            )
        wanted = request.path_qs if request.method == "GET" else page_of(request.path)
        return redirect(f"/desk/sign-in?next={quote(wanted, safe='')}")


def redirect(to: str) -> web.Response:
    """See other: ``to`` is a path of ours, or the address of one who signs people in."""
    return sealed(web.Response(status=303, headers={"Location": to}))


def page_of(path: str) -> str:
    """The page on which the form of a deed at ``path`` stands."""
    return "/".join(path.split("/")[:4]) if path.startswith("/desk/c/") else "/desk"


def ours(target: str) -> str:
    """``target`` when it is a page of the desk, else the desk's first page."""
    parts = urlsplit(target)
    inside = parts.path == "/desk" or parts.path.startswith("/desk/")
    plain = target.isprintable() and "\\" not in target and ".." not in target
    return target if inside and plain and not parts.scheme and not parts.netloc else "/desk"
