"""Waiting for what a turn answered, for channels whose provider wants it in the response."""

from __future__ import annotations

import asyncio
from collections import OrderedDict, defaultdict

from gateway.model import Address, Message
from gateway.ports import Event, Events
from gateway.store import Store

RECENT = 512
"""Turns whose answer is kept for who asks at once again; older ones are in the database."""
LOOK_AGAIN = 0.5
"""Seconds between looks at the database for a turn that another process handles, should no event
tell of it."""
TURNS = "turns"
"""The topic on which processes tell one another that a turn is committed."""
Waiter = asyncio.Future[tuple[Message, ...] | None]
"""None: look again, or give up."""


class ReplyWaiter:
    """The mailbox of customers, and a place to wait for one turn.

    ``others``: by which other processes hear of it, and we of them; None when there are none.
    """

    def __init__(self, store: Store, *, others: Events | None = None) -> None:
        self._store = store
        self._others = others
        self._mine: set[int] = set()
        self._recent: OrderedDict[int, tuple[Message, ...]] = OrderedDict()
        self._waiting: dict[int, set[Waiter]] = defaultdict(set)

    async def messages(
        self, address: Address, *, after: int = 0, limit: int = 100, own: bool = False
    ) -> tuple[Message, ...]:
        """What was said to ``address``; see `Mailbox`."""
        return await self._store.queries.messages(address, after=after, limit=limit, own=own)

    def expect(self, turn: int) -> None:
        """This process accepted ``turn``, and will handle it when it works alone."""
        if self._others is None:
            self._mine.add(turn)

    def settle(self, turn: int, replies: tuple[Message, ...]) -> None:
        """``turn`` is committed with ``replies``."""
        self._mine.discard(turn)
        self._recent[turn] = replies
        if len(self._recent) > RECENT:
            self._recent.popitem(last=False)
        for waiter in self._waiting.pop(turn, ()):
            if not waiter.done():
                waiter.set_result(replies)
        if self._others is not None:
            told = {"turn": str(turn)}
            self._others.publish(Event(topic=TURNS, name="settled", data=told))

    def disown(self, turn: int) -> None:
        """``turn`` was handled elsewhere, or is not there any more."""
        self._mine.discard(turn)

    async def listen(self) -> None:
        """Hear of turns that other processes commit, until cancelled."""
        if self._others is None:
            return
        async with self._others.listen(TURNS) as news:
            async for event in news:
                told = event.data.get("turn", "")
                self._look_up(int(told) if told.isdecimal() else None)

    def _look_up(self, turn: int | None) -> None:
        """Whoever waits for ``turn`` (None: for any) looks at the database now."""
        for one in tuple(self._waiting) if turn is None else (turn,):
            for waiter in self._waiting.get(one, ()):
                if not waiter.done():
                    waiter.set_result(None)

    async def answer(self, turn: int, *, timeout: float) -> tuple[Message, ...] | None:
        """The replies of ``turn`` once it is committed; None after ``timeout`` seconds."""
        if turn in self._mine:
            return await self._heard(turn, timeout)
        try:
            async with asyncio.timeout(timeout):
                while (found := await self._look(turn)) is None:
                    pass
                return found
        except TimeoutError:
            return None

    async def _heard(self, turn: int, timeout: float) -> tuple[Message, ...] | None:
        """Of a turn that this process will settle."""
        waiter = self._wait_for(turn)
        # `asyncio.timeout` does as much for three times the cost, and there is one to each turn.
        alarm = asyncio.get_running_loop().call_later(timeout, _give_up, waiter)
        try:
            return await waiter
        finally:
            alarm.cancel()
            self._leave(turn, waiter)

    async def _look(self, turn: int) -> tuple[Message, ...] | None:
        """Of a turn that another process may settle; None when it is time to look again."""
        if turn in self._recent:
            return self._recent[turn]
        waiter = self._wait_for(turn)
        try:
            if (stored := await self._store.inbox.handled(turn)) is not None:
                return stored
            done, _ = await asyncio.wait((waiter,), timeout=LOOK_AGAIN)
            return waiter.result() if done else None
        finally:
            self._leave(turn, waiter)

    def _wait_for(self, turn: int) -> Waiter:
        waiter: Waiter = asyncio.get_running_loop().create_future()
        self._waiting[turn].add(waiter)
        return waiter

    def _leave(self, turn: int, waiter: Waiter) -> None:
        self._waiting[turn].discard(waiter)
        if not self._waiting[turn]:
            del self._waiting[turn]


def _give_up(waiter: Waiter) -> None:
    if not waiter.done():
        waiter.set_result(None)
