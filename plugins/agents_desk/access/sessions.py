"""Sessions: a random id in a cookie, and the token that every form of that session carries.

Sessions are in the database, keyed by a digest of their id. They survive a restart, every process
sees them, and nobody who reads the database can use them to sign in.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Literal

import msgspec
from aiohttp import web

from gateway import Agent, Clock, Outdated, PluginStorage, StoredValue, Value
from plugins.agents_desk.access.accounts import (
    PLUGIN,
    DeskAccount,
    DeskAccounts,
    delete_entry,
    password_digest,
    stored_entries,
)
from plugins.agents_desk.access.throttle import KNOWN_FOR
from plugins.agents_desk.settings import Role
from plugins.agents_desk.staff.values import Standing

BACKGROUND_HEADER = "X-Desk-Live"
"""The page sends this header with its own refreshes, which do not keep a session active."""
SESSION_PREFIX = "session/"
UNFINISHED_FOR = timedelta(minutes=10)
"""Time to give the second factor, or to enrol one, after the password."""
ID_PATTERN = re.compile(r"[A-Za-z0-9_-]{43}")
BROWSERS = (
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("Firefox/", "Firefox"),
    ("FxiOS/", "Firefox"),
    ("CriOS/", "Chrome"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
)
"""What the header ``User-Agent`` of each contains, in this order: most of them also name another
(https://developer.mozilla.org/en-US/docs/Web/HTTP/Browser_detection_using_the_user_agent)."""
SYSTEMS = (
    ("iPhone", "an iPhone"),
    ("iPad", "an iPad"),
    ("Android", "Android"),
    ("Windows", "Windows"),
    ("Mac OS X", "macOS"),
    ("CrOS", "ChromeOS"),
    ("Linux", "Linux"),
)


class DeskSession(Value, frozen=True, kw_only=True):
    """One person signed in with one browser. Every POST must carry ``token``."""

    id: str
    token: str
    name: str
    agent: Agent
    role: Role
    since: datetime
    seen: datetime
    step: Literal["", "code", "enrol"] = ""
    """What is missing before the person is signed in: a code of the second factor, or enrolling
    one. Empty: nothing."""
    standing: Standing = Standing()
    """What every page says about the person: see `StandingReader`."""


class StoredSession(Value, frozen=True, kw_only=True):
    """A session as it is stored. ``origin`` is the client's address at sign-in; ``second_factor``
    says whether a code was given, and ``password`` with which password hash the person signed in
    (its digest): a new one in the settings ends the session. ``browser`` is what `browser_name`
    called it."""

    name: str
    era: int
    since: datetime
    seen: datetime
    origin: str = ""
    second_factor: bool = False
    password: str | None = None
    browser: str = ""


class DeskSessions:
    """Starts, finds and ends sessions.

    The cookie holds only an id. A browser that is not signed in gets an id that is not stored, so
    that the sign-in form has a token too; signing in issues a new id. ``idle`` and ``absolute``
    are the time-outs in seconds; ``secure`` restricts the cookies to https. ``second_factor`` are
    the roles that must use one.

    A second cookie names the browser, so that people who signed in there before are not slowed
    down by others who guess at their password.
    """

    def __init__(
        self,
        storage: PluginStorage,
        accounts: DeskAccounts,
        *,
        clock: Clock,
        idle: int,
        absolute: int,
        secure: bool,
        second_factor: Collection[Role] = (),
    ) -> None:
        self._storage, self._accounts, self._clock = storage, accounts, clock
        self._idle, self._absolute = timedelta(seconds=idle), timedelta(seconds=absolute)
        self._refresh_after = timedelta(seconds=min(60, idle / 10))
        self._secure = secure
        # Another host of our domain cannot set a __Host- cookie (RFC 6265bis, 4.1.3.2).
        self.cookie = "__Host-desk" if secure else "desk"
        self.browser_cookie = f"{self.cookie}-browser"
        self._second_factor = frozenset(second_factor)

    async def start(
        self,
        account: DeskAccount,
        response: web.StreamResponse,
        origin: str = "",
        *,
        second_factor: bool = False,
        browser: str = "",
    ) -> DeskSession:
        """Sign ``account`` in under a new id and set the cookie on ``response``. Without the
        ``second_factor`` that the account needs, the session is good for giving it only."""
        now, session_id = self._clock.now(), secrets.token_urlsafe(32)
        stored = StoredSession(
            name=account.name,
            era=account.era,
            since=now,
            seen=now,
            origin=origin,
            second_factor=second_factor,
            password=password_digest(account),
            browser=browser,
        )
        await self._storage.put(PLUGIN, session_key(session_id), _encode(stored))
        self._set_cookie(self.cookie, session_id, response)
        return self._session(session_id, stored, account)

    async def find(self, request: web.Request) -> DeskSession | None:
        """The session of ``request``; None when nobody is signed in or the session is over."""
        session_id = self._cookie_id(request)
        found = await self._open(session_id) if session_id else None
        if session_id is None or found is None:
            return None
        entry, stored, account = found
        now = self._clock.now()
        if BACKGROUND_HEADER not in request.headers and now - stored.seen >= self._refresh_after:
            stored = stored.replace(seen=now)
            await self._touch(entry, stored)
        return self._session(session_id, stored, account)

    async def is_open(self, session: DeskSession) -> bool:
        """Whether the session has neither ended nor timed out, and the person may still see what
        they could: a stream begins anew when their brands have changed."""
        found = await self._open(session.id)
        return found is not None and found[2].agent.brands == session.agent.brands

    def browser(self, request: web.Request) -> str:
        """The id of the browser, if it has one; else empty."""
        value = request.cookies.get(self.browser_cookie, "")
        return value if ID_PATTERN.fullmatch(value) else ""

    def name_browser(self, request: web.Request, response: web.StreamResponse) -> str:
        """The id of the browser, which keeps it; a new one if it has none."""
        browser = self.browser(request) or secrets.token_urlsafe(32)
        self._set_cookie(self.browser_cookie, browser, response, KNOWN_FOR)
        return browser

    def must_have_second_factor(self, account: DeskAccount) -> bool:
        """Whether the settings ask it of this person."""
        return account.role in self._second_factor

    async def end(self, session: DeskSession, response: web.StreamResponse) -> None:
        """Sign out: delete the session and its cookie."""
        await self._delete(session_key(session.id))
        path = "/" if self._secure else "/desk"
        response.del_cookie(self.cookie, path=path, secure=self._secure, httponly=True)

    async def end_previous(self, request: web.Request) -> None:
        """End whatever session this browser had."""
        if session_id := self._cookie_id(request):
            await self._delete(session_key(session_id))

    def anonymous_token(self, request: web.Request, response: web.StreamResponse) -> str:
        """The form token of a browser that is not signed in; sets a cookie if it has none."""
        session_id = self._cookie_id(request)
        if session_id is None:
            session_id = secrets.token_urlsafe(32)
            self._set_cookie(self.cookie, session_id, response)
        return form_token(session_id)

    def has_token(self, request: web.Request, token: object) -> bool:
        """Whether ``token`` belongs to the browser that sent ``request`` (constant time)."""
        session_id = self._cookie_id(request)
        if session_id is None or not isinstance(token, str):
            return False
        return hmac.compare_digest(form_token(session_id).encode(), token.encode())

    async def delete_expired(self) -> None:
        async for entry in stored_entries(self._storage, SESSION_PREFIX):
            if self._is_expired(msgspec.json.decode(entry.value, type=StoredSession)):
                await self._delete(entry.key)

    async def _open(self, session_id: str) -> tuple[StoredValue, StoredSession, DeskAccount] | None:
        entry = await self._storage.get(PLUGIN, session_key(session_id))
        if entry is None:
            return None
        stored = msgspec.json.decode(entry.value, type=StoredSession)
        account = await self._accounts.find(stored.name)
        if account is not None and self.holds(stored, account):
            return entry, stored, account
        await self._delete(entry.key)
        return None

    def holds(self, stored: StoredSession, account: DeskAccount) -> bool:
        """Whether the session is not over."""
        return (
            not account.locked
            and account.era == stored.era
            and stored.password in (None, password_digest(account))
            and not self._is_expired(stored)
            and not (self.step(stored, account) and self._is_unfinished_for_long(stored))
        )

    def _is_expired(self, stored: StoredSession) -> bool:
        now = self._clock.now()
        return now - stored.seen >= self._idle or now - stored.since >= self._absolute

    def _is_unfinished_for_long(self, stored: StoredSession) -> bool:
        return self._clock.now() - stored.since >= UNFINISHED_FOR

    def step(self, stored: StoredSession, account: DeskAccount) -> Literal["", "code", "enrol"]:
        """What is missing in the session, as `DeskSession.step`."""
        if stored.second_factor:
            return ""
        if account.has_second_factor:
            return "code"
        return "enrol" if self.must_have_second_factor(account) else ""

    async def _touch(self, entry: StoredValue, stored: StoredSession) -> None:
        try:
            await self._storage.put(PLUGIN, entry.key, _encode(stored), version=entry.version)
        except Outdated:
            return  # another request of the same browser did this, or signed out

    async def _delete(self, key: str) -> None:
        while (entry := await self._storage.get(PLUGIN, key)) is not None:
            await delete_entry(self._storage, entry)

    def _session(self, session_id: str, stored: StoredSession, account: DeskAccount) -> DeskSession:
        return DeskSession(
            id=session_id,
            token=form_token(session_id),
            name=account.name,
            agent=account.agent,
            role=account.role,
            since=stored.since,
            seen=stored.seen,
            step=self.step(stored, account),
        )

    def _cookie_id(self, request: web.Request) -> str | None:
        """The id in the cookie, whether or not anyone is signed in with it."""
        value = request.cookies.get(self.cookie, "")
        return value if ID_PATTERN.fullmatch(value) else None

    def _set_cookie(
        self, name: str, value: str, response: web.StreamResponse, age: timedelta | None = None
    ) -> None:
        response.set_cookie(
            name,
            value,
            max_age=int(age.total_seconds()) if age else None,
            path="/" if self._secure else "/desk",
            secure=self._secure,
            httponly=True,
            samesite="Strict",
        )


def form_token(session_id: str) -> str:
    """The token for forms. Only the holder of the cookie can compute it, and it does not reveal
    the cookie."""
    return hmac.digest(session_id.encode(), b"form", hashlib.sha256).hex()


def session_key(session_id: str) -> str:
    """Under which the session is stored. Nobody can sign in with it."""
    return SESSION_PREFIX + hashlib.sha256(session_id.encode()).hexdigest()


def _encode(stored: StoredSession) -> str:
    return msgspec.json.encode(stored).decode()


def is_background(request: web.Request) -> bool:
    """Whether a page fetches this by itself: that is no activity of the person."""
    return BACKGROUND_HEADER in request.headers


def browser_name(request: web.Request) -> str:
    """Such as ``Firefox on Linux``; empty if the header names none of those known here. It holds
    only words of ours, whatever the header says."""
    agent = request.headers.get("User-Agent", "")
    browser = next((name for mark, name in BROWSERS if mark in agent), "")
    system = next((name for mark, name in SYSTEMS if mark in agent), "")
    return " on ".join(part for part in (browser, system) if part)
