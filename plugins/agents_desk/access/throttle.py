"""Limits on sign-in attempts, which slow guessing down and lock nobody out from elsewhere."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import secrets
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta

import msgspec

from gateway import Clock, Outdated, PluginStorage, StoredValue, TooMany, Value, client_network
from plugins.agents_desk.access.accounts import PLUGIN, delete_entry, stored_entries

ATTEMPTS_PREFIX, BROWSER_PREFIX = "tries/", "browser/"
KEY = "tries-key"
KNOWN_FOR = timedelta(days=30)
"""For how long a browser is known to be one in which a name signs in."""
WAITING = 20
"""Sign-ins from one network that may wait for their turn."""


class KnownBrowser(Value, frozen=True, kw_only=True):
    """A browser in which ``name`` has signed in, last at ``at``."""

    name: str
    at: datetime


class SignInThrottle:
    """Limits the attempts for one name within ``minutes``, from one network or in one browser.

    Nobody can lock a colleague or an office out. A browser in which the name has signed in before
    has ``most`` attempts of its own, and so has each network. While a name or a network is under
    attack (``calm`` failures within the window, over all networks or names), what remains for
    other browsers is ``few`` attempts for each name and network, and never none.

    An attempt is counted before its password is checked, so that parallel attempts all count.
    Names that exist and names that do not are counted alike. The counts are in the database, in a
    bounded number of entries: the digest of what is counted, with a key of this installation,
    chooses the entry (OWASP's "device cookies" inspired the browsers:
    https://owasp.org/www-community/Slow_Down_Online_Guessing_Attacks_with_Device_Cookies).
    """

    def __init__(
        self,
        storage: PluginStorage,
        clock: Clock,
        *,
        most: int = 5,
        few: int = 2,
        calm: int = 50,
        minutes: int = 15,
    ) -> None:
        self._storage, self._clock = storage, clock
        self._most, self._few, self._calm = most, few, calm
        self._window = timedelta(minutes=minutes)
        self._lock = asyncio.Lock()
        self._key: bytes | None = None

    async def admit(self, name: str, address: str, browser: str = "") -> float:
        """Count an attempt and return 0, or return the seconds to wait and count nothing."""
        network = client_network(address)
        if browser and await self._knows(name, browser):
            return await self._admit(await self._place("browser", name, browser), self._most)
        crowds = [await self._place("name", name), await self._place("network", network)]
        attacked = max([len(await self._attempts(crowd)) for crowd in crowds]) >= self._calm
        place = await self._place("both", name, network)
        return await self._admit(place, self._few if attacked else self._most)

    async def admit_code(self, name: str, browser: str, *, most: int) -> float:
        """As `admit`, for the codes of a second factor: ``most`` for a name in all browsers in
        which it has not signed in before, whatever the network, because there are only a million
        codes."""
        known = bool(browser) and await self._knows(name, browser)
        place = await self._place("code", name, browser if known else "")
        return await self._admit(place, self._most if known else most)

    async def refused_link(self, address: str) -> float:
        """Count a link that is not valid, and return 0; or return the seconds for which no more
        are looked into from that network, and count nothing. A valid link is never made to wait."""
        place = await self._place("link", client_network(address))
        return await self._admit(place, self._most * 2)

    async def failed(self, name: str, address: str) -> None:
        """Remember a wrong password, for this name and for this network."""
        for crowd in (("name", name), ("network", client_network(address))):
            await self._count(await self._place(*crowd), self._calm)

    async def succeeded(self, name: str, address: str, browser: str = "") -> None:
        """Forget the attempts for this name from this network and in this browser. Those of codes
        stay: whoever knows only the password would have them forgotten at will."""
        for parts in (("both", name, client_network(address)), ("browser", name, browser)):
            await self._forget(*parts)

    async def code_succeeded(self, name: str, browser: str) -> None:
        """Forget the codes that were tried for this name, here and in all browsers that are not
        known."""
        await self._forget("code", name, "")
        await self._forget("code", name, browser)

    async def _forget(self, *parts: str) -> None:
        if attempts := await self._storage.get(PLUGIN, await self._place(*parts)):
            await delete_entry(self._storage, attempts)

    async def remember(self, name: str, browser: str) -> None:
        """Remember that ``name`` has signed in in this browser."""
        key = _browser_key(name, browser)
        known = await self._storage.get(PLUGIN, key)
        text = msgspec.json.encode(KnownBrowser(name=name, at=self._clock.now())).decode()
        try:
            await self._storage.put(PLUGIN, key, text, version=known.version if known else 0)
        except Outdated:
            return  # a second sign-in at the same time has stored it

    async def delete_expired(self) -> None:
        async for entry in stored_entries(self._storage, ATTEMPTS_PREFIX):
            if not self._recent(entry):
                await delete_entry(self._storage, entry)
        async for entry in stored_entries(self._storage, BROWSER_PREFIX):
            if not self._is_known(entry):
                await delete_entry(self._storage, entry)

    async def _knows(self, name: str, browser: str) -> bool:
        entry = await self._storage.get(PLUGIN, _browser_key(name, browser))
        return entry is not None and self._is_known(entry)

    def _is_known(self, entry: StoredValue) -> bool:
        return self._clock.now() - decode_browser(entry).at <= KNOWN_FOR

    async def _admit(self, place: str, limit: int) -> float:
        async with self._lock:
            attempts = await self._attempts(place)
            if len(attempts) < limit:
                await self._count(place, self._most * 2)
                return 0.0
        return (attempts[-limit] + self._window - self._clock.now()).total_seconds()

    async def _attempts(self, place: str) -> list[datetime]:
        return self._recent(await self._storage.get(PLUGIN, place))

    def _recent(self, entry: StoredValue | None) -> list[datetime]:
        if entry is None:
            return []
        now = self._clock.now()
        attempts = msgspec.json.decode(entry.value, type=list[datetime])
        return [at for at in attempts if now - at < self._window]

    async def _count(self, place: str, keep: int) -> None:
        while True:
            entry = await self._storage.get(PLUGIN, place)
            attempts = [*self._recent(entry), self._clock.now()][-keep:]
            text = msgspec.json.encode(attempts).decode()
            try:
                await self._storage.put(PLUGIN, place, text, version=entry.version if entry else 0)
            except Outdated:
                continue  # another process has counted an attempt
            return

    async def _place(self, *parts: str) -> str:
        """The key of the entry in which ``parts`` are counted: one of 65,536 for each kind. Two
        that share one by chance share its limit."""
        if self._key is None:
            self._key = await self._installation_key()
        digest = hmac.digest(self._key, "\0".join(parts).encode(), hashlib.sha256)
        return f"{ATTEMPTS_PREFIX}{parts[0]}/{digest[:2].hex()}"

    async def _installation_key(self) -> bytes:
        """The secret of all processes; without it nobody can tell which names share an entry."""
        entry = await self._storage.get(PLUGIN, KEY)
        if entry is None:
            try:
                entry = await self._storage.put(PLUGIN, KEY, secrets.token_hex(32))
            except Outdated:
                return await self._installation_key()  # another process made it
        return bytes.fromhex(entry.value)


class NetworkTurns:
    """Lets one sign-in of each network run at a time, so that a flood from one of them does not
    make the others wait. Checking a password is slow by design."""

    def __init__(self) -> None:
        self._waiting: Counter[str] = Counter()
        self._locks: dict[str, asyncio.Lock] = {}

    @asynccontextmanager
    async def turn(self, address: str) -> AsyncIterator[None]:
        """Wait for a turn and hold it. Raises TooMany when too many of this network wait."""
        network = client_network(address)
        if self._waiting[network] >= WAITING:
            raise TooMany("too many sign-ins from your network at this moment", after=5)
        self._waiting[network] += 1
        try:
            async with self._locks.setdefault(network, asyncio.Lock()):
                yield
        finally:
            self._waiting[network] -= 1
            if not self._waiting[network]:
                del self._waiting[network], self._locks[network]


def decode_browser(entry: StoredValue) -> KnownBrowser:
    return msgspec.json.decode(entry.value, type=KnownBrowser)


def _browser_key(name: str, browser: str) -> str:
    return BROWSER_PREFIX + hashlib.sha256(f"{name}\0{browser}".encode()).hexdigest()
