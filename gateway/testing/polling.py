"""For channels that poll: the provider's queue, and a clock for whoever asks again and again.

A simulation of such a provider answers polls with `PolledQueue.offer`, and its customers speak
through `PolledQueue.deliver`, which returns what `ProviderSimulator.say` and ``post`` return:

    async def say(self, text, *, id, name="carla", files=()) -> int:
        return await self.queue.deliver({"id": id, "from": name, "text": text})

    async def poll(self, request: web.Request) -> web.Response:  # the provider's side
        self.queue.confirm(int(request.query["after"]))
        return web.json_response([{"number": n, **item} for n, item in await self.queue.offer()])

Set ``polled = True`` on the simulation, and run the gateway with a `NappingClock`.
"""

from __future__ import annotations

import asyncio
from typing import Generic, TypeVar

from gateway.testing.kit import FakeClock

Item = TypeVar("Item")

NAP = 5.0
"""Seconds. A shorter sleep is a pause between two polls, or the first wait after a failure."""
DELIVERY_TIMEOUT = 60.0
"""Seconds after which `PolledQueue.deliver` fails the test: nobody polls."""
LONG_POLL = 0.05
"""Seconds that an empty answer to a poll takes, as with a provider that waits for news."""


class NappingClock(FakeClock):
    """A `FakeClock` on which a sleep of at most `NAP` seconds takes almost no time. So a channel
    polls on while the test does not advance the clock, and all longer waits stand still."""

    async def sleep(self, seconds: float) -> None:
        if 0 < seconds <= NAP:
            await asyncio.sleep(0.005)
        else:
            await super().sleep(seconds)


class PolledQueue(Generic[Item]):
    """What a provider keeps for whoever polls it, in order, until it is confirmed.

    Each item has a number, from 1. One that was offered, and was not confirmed by the next poll, is
    offered again.
    """

    def __init__(self) -> None:
        self._items: dict[int, Item] = {}
        self._offered: dict[int, int] = {}
        self._waiting: dict[int, asyncio.Future[int]] = {}
        self._last = 0
        self._news = asyncio.Event()

    async def deliver(self, item: Item) -> int:
        """Add ``item``, and wait what the channel does with it. Returns 200 when it was confirmed,
        and 503 when the channel asked again without that. Raises TimeoutError when nobody polls."""
        self._last += 1
        number = self._last
        self._items[number] = item
        outcome = self._waiting[number] = asyncio.get_running_loop().create_future()
        self._news.set()
        async with asyncio.timeout(DELIVERY_TIMEOUT):
            status: int = await outcome
            return status

    async def offer(self, most: int = 100) -> list[tuple[int, Item]]:
        """The oldest items and their numbers, as the answer to a poll. Waits a moment for one."""
        for number in [each for each in self._items if self._offered.get(each)]:
            self._tell(number, 503)
        if not self._items:
            self._news.clear()
            try:
                await asyncio.wait_for(self._news.wait(), LONG_POLL)
            except TimeoutError:
                return []
        found = list(self._items.items())[:most]
        for number, _ in found:
            self._offered[number] = self._offered.get(number, 0) + 1
        return found

    def confirm(self, number: int) -> None:
        """The channel has taken the items up to ``number``: they are never offered again."""
        for each in [each for each in self._items if each <= number]:
            del self._items[each]
            self._tell(each, 200)

    def _tell(self, number: int, status: int) -> None:
        outcome = self._waiting.get(number)
        if outcome is not None and not outcome.done():
            outcome.set_result(status)
