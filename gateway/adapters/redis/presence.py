"""Which processes are there: each says so again and again, and is forgotten when it does not."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

import msgspec
from redis.asyncio import Redis

from gateway.adapters.redis.link import Away, Link, NoGroup
from gateway.services.crew import Process

EVERY = 5.0
"""Seconds between two signs of life; after three that are missing a process is forgotten."""
MANY = 1000


class Presence:
    """The list of processes, and this one's place in it."""

    def __init__(self, link: Link) -> None:
        self._link = link

    async def tell(self, process: Process) -> None:
        """This process is there, for the next while."""
        text = msgspec.json.encode(process).decode()
        key, lasts = self._link.key("process", process.id), int(EVERY * 3000)
        with suppress(Away, NoGroup):
            await self._link.call(lambda redis: redis.set(key, text, px=lasts))

    async def leave(self, process: Process) -> None:
        with suppress(Away, NoGroup):
            await self._link.call(lambda redis: redis.delete(self._link.key("process", process.id)))

    async def all(self) -> tuple[Process, ...]:
        """Raises Away."""

        async def look(redis: Redis) -> Sequence[str | bytes | None]:
            ours = self._link.key("process", "*")
            keys = [key async for key in redis.scan_iter(ours, count=MANY)]
            return await redis.mget(keys) if keys else []

        found = [
            msgspec.json.decode(text, type=Process) for text in await self._link.call(look) if text
        ]
        return tuple(sorted(found, key=lambda process: (process.role, process.since)))
