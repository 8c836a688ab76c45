"""Sign-in attempts, counted in the database, so that passwords cannot be guessed."""

from __future__ import annotations

import asyncio
import hashlib
import ipaddress
from datetime import datetime, timedelta

import msgspec

from gateway import Clock, Outdated, PluginStorage, StoredValue
from plugins.agents_desk.accounts import GUEST

TRIES, PLACE = "tries/", "place/"
KNOWN = timedelta(days=30)


class Tries:
    """Within ``minutes`` at most ``each`` attempts for one name from one address, ``many`` from
    one address, and ``every`` for one name from everywhere; then there is a wait until the window
    is over.

    Nobody can lock a colleague out from elsewhere: where a name has signed in within thirty days,
    what others try for it does not count. An attempt counts before its password is checked, so
    that a burst side by side counts in full. Names are kept as digests.
    """

    def __init__(
        self,
        storage: PluginStorage,
        clock: Clock,
        *,
        each: int = 5,
        many: int = 30,
        every: int = 50,
        minutes: int = 15,
    ) -> None:
        self._notebook, self._clock = storage, clock
        self._each, self._many, self._every = each, many, every
        self._window = timedelta(minutes=minutes)
        self._turn = asyncio.Lock()

    async def admit(self, name: str, address: str) -> float:
        """Count an attempt: 0 when it may go on, else the seconds to wait (nothing is counted)."""
        place = network(address)
        bounds = {_key("both", name, place): self._each, _key("place", place): self._many}
        if name and await self._notebook.get(GUEST, _place(name, place)) is None:
            bounds[_key("name", name)] = self._every
        async with self._turn:
            waits = [await self._wait(key, most) for key, most in bounds.items()]
            if not any(waits):
                for key in bounds:
                    await self._count(key)
        return max(waits)

    async def passed(self, name: str, address: str) -> None:
        """The password was right: forget the attempts for this name from there, and know the
        place."""
        place = network(address)
        await self._drop(_key("both", name, place))
        known = await self._notebook.get(GUEST, _place(name, place))
        text = msgspec.json.encode(self._clock.now()).decode()
        try:
            version = known.version if known else 0
            await self._notebook.put(GUEST, _place(name, place), text, version=version)
        except Outdated:
            return  # signed in twice at once: it is known

    async def tidy(self) -> None:
        """Forget what counts no more."""
        now = self._clock.now()
        for prefix in (TRIES, PLACE):
            after = ""
            while page := await self._notebook.scan(GUEST, prefix, after=after):
                for entry in page:
                    if prefix == PLACE:
                        over = now - msgspec.json.decode(entry.value, type=datetime) > KNOWN
                    else:
                        over = not self._made(entry)
                    if over:
                        await self._drop(entry.key)
                after = page[-1].key

    async def _wait(self, key: str, most: int) -> float:
        made = self._made(await self._notebook.get(GUEST, key))
        if len(made) < most:
            return 0.0
        return (made[-most] + self._window - self._clock.now()).total_seconds()

    def _made(self, entry: StoredValue | None) -> list[datetime]:
        if entry is None:
            return []
        now = self._clock.now()
        made = msgspec.json.decode(entry.value, type=list[datetime])
        return [at for at in made if now - at < self._window]

    async def _count(self, key: str) -> None:
        while True:
            entry = await self._notebook.get(GUEST, key)
            made = [*self._made(entry), self._clock.now()]
            text = msgspec.json.encode(made).decode()
            try:
                await self._notebook.put(GUEST, key, text, version=entry.version if entry else 0)
            except Outdated:
                continue  # another process counted one of its own
            return

    async def _drop(self, key: str) -> None:
        entry = await self._notebook.get(GUEST, key)
        if entry is None:
            return
        try:
            await self._notebook.drop(GUEST, key, version=entry.version)
        except Outdated:
            return  # somebody tries at this moment: that one counts


def network(address: str) -> str:
    """Whom to count as one: an IPv4 address, or the /64 that one IPv6 subscriber has."""
    try:
        known = ipaddress.ip_address(address)
    except ValueError:
        return address
    if known.version == 4:
        return str(known)
    if known.ipv4_mapped is not None:
        return str(known.ipv4_mapped)
    return str(ipaddress.ip_network((known, 64), strict=False))


def _key(*parts: str) -> str:
    return TRIES + hashlib.sha256("\0".join(parts).encode()).hexdigest()[:32]


def _place(name: str, place: str) -> str:
    return PLACE + hashlib.sha256(f"{name}\0{place}".encode()).hexdigest()[:32]
