"""What people asked to be read now, for the process that reads."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

from gateway import Event, Services, StoredValue
from plugins.knowledge.sources.checks import PLUGIN

PREFIX = "wanted/"
TOPIC = "knowledge"


class ReadRequests:
    """The sources that people asked to be read now. A request is stored, so that a restart does
    not lose it; an event makes it quick."""

    def __init__(self, services: Services) -> None:
        self._services = services

    async def ask(self, source: int) -> None:
        """Ask that ``source`` be read."""
        value = StoredValue(key=_key(source), value="1", version=0)
        await self._services.storage.put_many(PLUGIN, [value])
        self._services.events.publish(Event(topic=TOPIC, name="wanted"))

    async def waiting(self) -> frozenset[int]:
        """The sources that wait to be read, or are being read."""
        values = await self._services.storage.scan(PLUGIN, PREFIX)
        return frozenset(int(value.key.removeprefix(PREFIX)) for value in values)

    async def done(self, source: int) -> None:
        """``source`` was read, or cannot be."""
        if stored := await self._services.storage.get(PLUGIN, _key(source)):
            await self._services.storage.drop(PLUGIN, stored.key, version=stored.version)

    @asynccontextmanager
    async def heard(self) -> AsyncIterator[RequestBell]:
        """A bell that rings when somebody asks, from when the context is entered."""
        async with self._services.events.listen(TOPIC) as events:
            bell = RequestBell(events)
            try:
                yield bell
            finally:
                await bell.close()


class RequestBell:
    """Waits for the next request."""

    def __init__(self, events: AsyncIterator[Event]) -> None:
        self._events = events
        self._next: asyncio.Future[Event] | None = None

    async def wait(self, services: Services, seconds: float) -> None:
        """Wait until somebody asks, at most ``seconds``."""
        if self._next is None:
            self._next = asyncio.ensure_future(anext(self._events))
        sleep = asyncio.ensure_future(services.clock.sleep(seconds))
        try:
            either: set[asyncio.Future[Any]] = {self._next, sleep}
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        finally:
            sleep.cancel()
        if self._next.done():
            self._next = None

    async def close(self) -> None:
        """Stop waiting."""
        if self._next is not None:
            self._next.cancel()
            with suppress(asyncio.CancelledError):
                await self._next


def _key(source: int) -> str:
    return f"{PREFIX}{source:010}"
