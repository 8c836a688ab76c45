"""Who may pass: every page wants a session, every deed also a token that only our pages know."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from urllib.parse import quote, urlsplit

from aiohttp import web

from plugins.agents_desk.forms import posted
from plugins.agents_desk.paper import Paper, sealed
from plugins.agents_desk.sessions import BACKGROUND, Session, Sessions

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
Signed = Callable[[web.Request, Session], Awaitable[web.StreamResponse]]


class Guard:
    """Wraps handlers. What it refuses never reaches them."""

    def __init__(self, sessions: Sessions, paper: Paper) -> None:
        self._sessions, self._paper = sessions, paper

    def read(self, handler: Signed) -> Handler:
        """For GET: someone must be signed in."""

        async def guarded(request: web.Request) -> web.StreamResponse:
            session = self._sessions.find(request)
            if session is None:
                return self._stranger(request)
            return await handler(request, session)

        return guarded

    def act(self, handler: Signed) -> Handler:
        """For POST: signed in, from one of our pages, with that session's token."""

        async def guarded(request: web.Request) -> web.StreamResponse:
            if self.foreign(request):
                return self.refused()
            session = self._sessions.find(request)
            if session is None:
                return self._stranger(request)
            if not self._sessions.genuine(request, (await posted(request)).get("csrf")):
                return self.refused()
            return await handler(request, session)

        return guarded

    def foreign(self, request: web.Request) -> bool:
        """Whether the browser itself says that another site sent this (Fetch Metadata)."""
        return request.headers.get("Sec-Fetch-Site", "same-origin") not in ("same-origin", "none")

    def refused(self) -> web.Response:
        text = "This form did not come from an open page of the desk. Go back, reload, try again."
        return self._paper.plain("Not accepted", text, status=403)

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
            )
        wanted = request.path_qs if request.method == "GET" else page_of(request.path)
        return redirect(f"/desk/sign-in?next={quote(wanted, safe='')}")


def redirect(to: str) -> web.Response:
    """See other: ``to`` is a path of ours."""
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
