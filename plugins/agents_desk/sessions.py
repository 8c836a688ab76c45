"""Who is signed in: random ids in a cookie, and the tokens that our own forms carry.

Sessions lie in the database, under a digest of their id: they survive a restart, every process
sees them, and whoever reads the database can sign in with none of them.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from datetime import datetime, timedelta

import msgspec
from aiohttp import web

from gateway import Agent, Clock, Outdated, PluginStorage, StoredValue, Value
from plugins.agents_desk.accounts import GUEST, Account, Accounts
from plugins.agents_desk.roles import Role

BACKGROUND = "X-Desk-Live"
"""A request with this header was made by the page itself and does not keep a session awake."""
SESSION = "session/"
ID = re.compile(r"[A-Za-z0-9_-]{43}")


class Session(Value, frozen=True, kw_only=True):
    """One person signed in with one browser. ``token`` must come with every POST."""

    id: str
    token: str
    name: str
    agent: Agent
    role: Role
    since: datetime
    seen: datetime


class Kept(Value, frozen=True, kw_only=True):
    """What the database holds of a session."""

    name: str
    era: int
    since: datetime
    seen: datetime
    origin: str = ""


class Sessions:
    """The cookie holds an id and nothing else. Before anyone is signed in it holds one that is
    kept nowhere, so that the sign-in form has a token too; signing in gives a new id."""

    def __init__(
        self,
        storage: PluginStorage,
        accounts: Accounts,
        *,
        clock: Clock,
        idle: int,
        absolute: int,
        secure: bool,
    ) -> None:
        self._notebook, self._accounts, self._clock = storage, accounts, clock
        self._idle, self._absolute = timedelta(seconds=idle), timedelta(seconds=absolute)
        self._step = timedelta(seconds=min(60, idle / 10))
        self._secure = secure
        # A __Host- cookie cannot be set by a neighbour of ours (RFC 6265bis, 4.1.3.2).
        self.cookie = "__Host-desk" if secure else "desk"

    async def start(
        self, account: Account, response: web.StreamResponse, origin: str = ""
    ) -> Session:
        """Sign ``account`` in, under an id that nobody can have known, and give the browser its
        cookie."""
        now, new = self._clock.now(), secrets.token_urlsafe(32)
        kept = Kept(name=account.name, era=account.era, since=now, seen=now, origin=origin)
        await self._notebook.put(GUEST, _key(new), _text(kept))
        self._give(new, response)
        return self._session(new, kept, account)

    async def find(self, request: web.Request) -> Session | None:
        """Whose request it is; None for a stranger or when the time is over."""
        id = self._claimed(request)
        found = await self._open(id) if id else None
        if id is None or found is None:
            return None
        entry, kept, account = found
        now = self._clock.now()
        if BACKGROUND not in request.headers and now - kept.seen >= self._step:
            kept = kept.replace(seen=now)
            await self._touch(entry, kept)
        return self._session(id, kept, account)

    async def alive(self, session: Session) -> bool:
        """Whether it is still open and neither time-out has come."""
        return await self._open(session.id) is not None

    async def end(self, session: Session, response: web.StreamResponse) -> None:
        """Sign out: the id is worth nothing from now on."""
        await self._drop(_key(session.id))
        path = "/" if self._secure else "/desk"
        response.del_cookie(self.cookie, path=path, secure=self._secure, httponly=True)

    async def end_elsewhere(self, request: web.Request) -> None:
        """Whoever was signed in with this browser is not any more."""
        if id := self._claimed(request):
            await self._drop(_key(id))

    def stranger(self, request: web.Request, response: web.StreamResponse) -> str:
        """An id for a browser that nobody is signed in with, for the sign-in form."""
        known = self._claimed(request)
        if known is None:
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
        """Only who has the cookie can make it, and it does not give the cookie away."""
        return hmac.digest(of.encode(), b"form", hashlib.sha256).hex()

    async def tidy(self) -> None:
        """Forget the sessions that are over."""
        after = ""
        while page := await self._notebook.scan(GUEST, SESSION, after=after):
            for entry in page:
                if not self._timely(msgspec.json.decode(entry.value, type=Kept)):
                    await self._drop(entry.key)
            after = page[-1].key

    async def _open(self, id: str) -> tuple[StoredValue, Kept, Account] | None:
        entry = await self._notebook.get(GUEST, _key(id))
        if entry is None:
            return None
        kept = msgspec.json.decode(entry.value, type=Kept)
        account = await self._accounts.find(kept.name)
        if (
            self._timely(kept)
            and account is not None
            and not account.locked
            and account.era == kept.era
        ):
            return entry, kept, account
        await self._drop(entry.key)
        return None

    def _timely(self, kept: Kept) -> bool:
        now = self._clock.now()
        return now - kept.seen < self._idle and now - kept.since < self._absolute

    async def _touch(self, entry: StoredValue, kept: Kept) -> None:
        try:
            await self._notebook.put(GUEST, entry.key, _text(kept), version=entry.version)
        except Outdated:
            return  # another request of the same browser has just done so, or signed out

    async def _drop(self, key: str) -> None:
        while (entry := await self._notebook.get(GUEST, key)) is not None:
            try:
                await self._notebook.drop(GUEST, key, version=entry.version)
            except Outdated:
                continue

    def _session(self, id: str, kept: Kept, account: Account) -> Session:
        return Session(
            id=id,
            token=self.token(id),
            name=account.name,
            agent=account.agent,
            role=account.role,
            since=kept.since,
            seen=kept.seen,
        )

    def _claimed(self, request: web.Request) -> str | None:
        """The cookie's id, whether or not anyone is signed in with it."""
        value = request.cookies.get(self.cookie, "")
        return value if ID.fullmatch(value) else None

    def _give(self, value: str, response: web.StreamResponse) -> None:
        response.set_cookie(
            self.cookie,
            value,
            path="/" if self._secure else "/desk",
            secure=self._secure,
            httponly=True,
            samesite="Strict",
        )


def _key(id: str) -> str:
    return SESSION + hashlib.sha256(id.encode()).hexdigest()


def _text(kept: Kept) -> str:
    return msgspec.json.encode(kept).decode()
