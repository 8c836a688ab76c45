"""Who is signed in: random ids in a signed cookie, and the tokens that our own forms carry."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from datetime import datetime, timedelta

from aiohttp import web

from gateway import Agent, Clock, Value

BACKGROUND = "X-Desk-Live"
"""A request with this header was made by the page itself and does not keep a session awake."""


class Session(Value, frozen=True, kw_only=True):
    """One person signed in with one browser. ``token`` must come with every POST."""

    id: str
    token: str
    agent: Agent
    since: datetime
    seen: datetime


class Sessions:
    """Sessions live in this process alone: whoever restarts it signs everybody out.

    The cookie holds ``id.signature`` and nothing else. Before anyone is signed in it holds an id
    that is kept nowhere, so that the sign-in form has a token too; signing in gives a new id.
    """

    def __init__(
        self, *, clock: Clock, idle: int, absolute: int, secure: bool, most: int = 10_000
    ) -> None:
        self._clock, self._secure, self._most = clock, secure, most
        self._idle, self._absolute = timedelta(seconds=idle), timedelta(seconds=absolute)
        self._key = secrets.token_bytes(32)
        self._open: dict[str, Session] = {}
        # A __Host- cookie cannot be set by a neighbour of ours (RFC 6265bis, 4.1.3.2).
        self.cookie = "__Host-desk" if secure else "desk"

    def start(self, agent: Agent, response: web.StreamResponse) -> Session:
        """Sign ``agent`` in and give the browser its cookie."""
        self._tidy()
        now, new = self._clock.now(), secrets.token_urlsafe(32)
        session = Session(id=new, token=self.token(new), agent=agent, since=now, seen=now)
        self._open[new] = session
        self._give(new, response)
        return session

    def find(self, request: web.Request) -> Session | None:
        """Whose request it is; None for a stranger or when the time is over."""
        session = self._open.get(self._claimed(request) or "")
        if session is None or not self.alive(session):
            return None
        if BACKGROUND not in request.headers:
            session = self._open[session.id] = session.replace(seen=self._clock.now())
        return session

    def alive(self, session: Session) -> bool:
        """Whether it is still open and neither time-out has come."""
        known = self._open.get(session.id)
        if known is None:
            return False
        now = self._clock.now()
        if now - known.seen < self._idle and now - known.since < self._absolute:
            return True
        del self._open[session.id]
        return False

    def end(self, session: Session, response: web.StreamResponse) -> None:
        """Sign out: the id is worth nothing from now on."""
        self._open.pop(session.id, None)
        path = "/" if self._secure else "/desk"
        response.del_cookie(self.cookie, path=path, secure=self._secure, httponly=True)

    def stranger(self, request: web.Request, response: web.StreamResponse) -> str:
        """An id for a browser that nobody is signed in with, for the sign-in form."""
        known = self._claimed(request)
        if known is None or known in self._open:
            known = secrets.token_urlsafe(32)
            self._give(known, response)
        return known

    def genuine(self, request: web.Request, token: object) -> bool:
        """Whether ``token`` is the one our own page gave to this browser (constant time)."""
        known = self._claimed(request)
        if known is None or not isinstance(token, str):
            return False
        return hmac.compare_digest(self.token(known).encode(), token.encode())

    def token(self, of: str) -> str:
        return self._sign("form", of)

    def _claimed(self, request: web.Request) -> str | None:
        """The cookie's id when we signed it, whether or not anyone is signed in with it."""
        value, _, signature = request.cookies.get(self.cookie, "")[:200].partition(".")
        genuine = hmac.compare_digest(self._sign("cookie", value).encode(), signature.encode())
        return value if genuine else None

    def _sign(self, purpose: str, value: str) -> str:
        return hmac.digest(self._key, f"{purpose}:{value}".encode(), hashlib.sha256).hex()

    def _give(self, value: str, response: web.StreamResponse) -> None:
        response.set_cookie(
            self.cookie,
            f"{value}.{self._sign('cookie', value)}",
            path="/" if self._secure else "/desk",
            secure=self._secure,
            httponly=True,
            samesite="Strict",
        )

    def _tidy(self) -> None:
        for session in list(self._open.values()):
            self.alive(session)
        while len(self._open) >= self._most:
            del self._open[min(self._open.values(), key=lambda one: one.seen).id]
