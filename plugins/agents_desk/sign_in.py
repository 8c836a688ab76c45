"""Sign-in with name and password, sign-out, and the limits on sign-in attempts."""

from __future__ import annotations

import asyncio
import hashlib
import ipaddress
import math
from dataclasses import dataclass
from datetime import datetime, timedelta

import msgspec
import structlog
from aiohttp import web

from gateway import AuditLog, Clock, Outdated, PluginStorage, StoredValue
from plugins.agents_desk.accounts import (
    LONGEST_PASSWORD,
    PLUGIN,
    DeskAccounts,
    delete_entry,
    stored_entries,
)
from plugins.agents_desk.guard import (
    OUTDATED_PAGE,
    RequestGuard,
    is_cross_site,
    read_fields,
    safe_target,
)
from plugins.agents_desk.html import HtmlRenderer, redirect
from plugins.agents_desk.sessions import DeskSession, DeskSessions

log = structlog.get_logger(__name__)

ATTEMPTS_PREFIX, ORIGIN_PREFIX = "tries/", "place/"
KNOWN_FOR = timedelta(days=30)
"""For how long an address is known to be one that a name signs in from."""


@dataclass(kw_only=True)
class SignInPage:
    """The sign-in page. Nothing reveals whether the name or the password was wrong.

    ``slack``: whether the page offers to sign in with Slack.
    """

    accounts: DeskAccounts
    sessions: DeskSessions
    throttle: SignInThrottle
    html: HtmlRenderer
    guard: RequestGuard
    audit: AuditLog
    slack: bool

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get("/desk/sign-in", self._show),
            web.post("/desk/sign-in", self._sign_in),
            web.post("/desk/sign-out", self.guard.act(self._sign_out)),
        ]

    async def _show(self, request: web.Request) -> web.Response:
        return_to = safe_target(request.query.get("next", ""))
        if await self.sessions.find(request):
            return redirect(return_to)
        return self._page(request, return_to=return_to)

    async def _sign_in(self, request: web.Request) -> web.Response:
        fields = await read_fields(request)
        name, password = str(fields.get("name", "")).strip(), str(fields.get("password", ""))
        return_to = safe_target(str(fields.get("next", "")))
        if is_cross_site(request) or not self.sessions.has_token(request, fields.get("csrf")):
            return self._page(
                request, status=403, return_to=return_to, name=name, problem=OUTDATED_PAGE
            )
        address = self.guard.client_address(request)
        # Unknown names share one counter, so that invented names do not fill the storage. The
        # audit log does not contain them: someone may type a password into the name field.
        known = name.casefold() if await self.accounts.find(name) else ""
        agent_id = f"desk:{known}" if known else ""
        if wait := await self.throttle.admit(known, address):
            await self.audit.record(agent_id, "locked_out", origin=address)
            log.warning("desk.sign_in_locked", address=address)
            problem = f"Too many attempts. Try again in {math.ceil(wait / 60)} min."
            page = self._page(request, status=429, return_to=return_to, name=name, problem=problem)
            page.headers["Retry-After"] = str(math.ceil(wait))
            return page
        account = None
        if len(password) <= LONGEST_PASSWORD:
            account = await self.accounts.authenticate(name, password)
        if account is None:
            log.warning("desk.sign_in_failed", address=address, known=bool(known))
            await self.audit.record(agent_id, "sign_in_failed", origin=address)
            problem = "The name or the password is wrong."
            return self._page(request, status=401, return_to=return_to, name=name, problem=problem)
        await self.throttle.succeeded(known, address)
        response = redirect(return_to)
        await self.sessions.end_previous(request)
        await self.audit.record(account.agent.id, "signed_in", origin=address)
        await self.sessions.start(account, response, address)
        log.info("desk.signed_in", agent=account.agent.id)
        return response

    async def _sign_out(self, _: web.Request, session: DeskSession) -> web.Response:
        response = redirect("/desk/sign-in")
        await self.sessions.end(session, response)
        await self.audit.record(session.agent.id, "signed_out")
        log.info("desk.signed_out", agent=session.agent.id)
        return response

    def _page(
        self,
        request: web.Request,
        *,
        return_to: str,
        status: int = 200,
        name: str = "",
        problem: str = "",
    ) -> web.Response:
        with_cookie = web.Response()
        page = self.html.page(
            "sign-in.html",
            status=status,
            csrf=self.sessions.anonymous_token(request, with_cookie),
            return_to=return_to,
            typed=name,
            problem=problem,
            slack=self.slack,
        )
        page.cookies.update(with_cookie.cookies)
        return page


class SignInThrottle:
    """Limits the sign-in attempts within ``minutes``: ``per_name_and_address``, ``per_address``
    with any name, and ``per_name`` from any address. Above a limit everyone waits until the oldest
    attempts leave that window.

    Nobody can lock a colleague out from elsewhere: at an address where a name has signed in within
    30 days, the attempts of others for that name do not count. An attempt is counted before its
    password is checked, so that parallel attempts all count. The counts are in the database, under
    digests of the names.
    """

    def __init__(
        self,
        storage: PluginStorage,
        clock: Clock,
        *,
        per_name_and_address: int = 5,
        per_address: int = 30,
        per_name: int = 50,
        minutes: int = 15,
    ) -> None:
        self._storage, self._clock = storage, clock
        self._per_name_and_address = per_name_and_address
        self._per_address, self._per_name = per_address, per_name
        self._window = timedelta(minutes=minutes)
        self._lock = asyncio.Lock()

    async def admit(self, name: str, address: str) -> float:
        """Count an attempt and return 0, or return the seconds to wait and count nothing."""
        network = network_of(address)
        limits = {
            _attempts_key("both", name, network): self._per_name_and_address,
            _attempts_key("place", network): self._per_address,
        }
        if name and await self._storage.get(PLUGIN, _origin_key(name, network)) is None:
            limits[_attempts_key("name", name)] = self._per_name
        async with self._lock:
            wait = max([await self._wait(key, limit) for key, limit in limits.items()])
            if not wait:
                for key in limits:
                    await self._count(key)
        return wait

    async def succeeded(self, name: str, address: str) -> None:
        """Forget the attempts for this name from this address, and remember the address."""
        network = network_of(address)
        if attempts := await self._storage.get(PLUGIN, _attempts_key("both", name, network)):
            await delete_entry(self._storage, attempts)
        known = await self._storage.get(PLUGIN, _origin_key(name, network))
        now = msgspec.json.encode(self._clock.now()).decode()
        try:
            version = known.version if known else 0
            await self._storage.put(PLUGIN, _origin_key(name, network), now, version=version)
        except Outdated:
            return  # a second sign-in at the same time has stored it

    async def delete_expired(self) -> None:
        async for entry in stored_entries(self._storage, ATTEMPTS_PREFIX):
            if not self._recent_attempts(entry):
                await delete_entry(self._storage, entry)
        now = self._clock.now()
        async for entry in stored_entries(self._storage, ORIGIN_PREFIX):
            if now - msgspec.json.decode(entry.value, type=datetime) > KNOWN_FOR:
                await delete_entry(self._storage, entry)

    async def _wait(self, key: str, limit: int) -> float:
        attempts = self._recent_attempts(await self._storage.get(PLUGIN, key))
        if len(attempts) < limit:
            return 0.0
        return (attempts[-limit] + self._window - self._clock.now()).total_seconds()

    def _recent_attempts(self, entry: StoredValue | None) -> list[datetime]:
        if entry is None:
            return []
        now = self._clock.now()
        attempts = msgspec.json.decode(entry.value, type=list[datetime])
        return [at for at in attempts if now - at < self._window]

    async def _count(self, key: str) -> None:
        while True:
            entry = await self._storage.get(PLUGIN, key)
            attempts = [*self._recent_attempts(entry), self._clock.now()]
            text = msgspec.json.encode(attempts).decode()
            try:
                await self._storage.put(PLUGIN, key, text, version=entry.version if entry else 0)
            except Outdated:
                continue  # another process has counted an attempt
            return


def network_of(address: str) -> str:
    """What counts as one client: an IPv4 address, or the /64 network of one IPv6 subscriber."""
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return address
    if ip.version == 4:
        return str(ip)
    if ip.ipv4_mapped is not None:
        return str(ip.ipv4_mapped)
    return str(ipaddress.ip_network((ip, 64), strict=False))


def _attempts_key(*parts: str) -> str:
    return ATTEMPTS_PREFIX + _digest(*parts)


def _origin_key(name: str, network: str) -> str:
    return ORIGIN_PREFIX + _digest(name, network)


def _digest(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:32]
