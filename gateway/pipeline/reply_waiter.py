"""Waits for the replies of a turn, for channels that return them in the HTTP response."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import MutableMapping
from dataclasses import KW_ONLY, dataclass, field

import structlog
from cachetools import LRUCache

from gateway.model import Address, Message
from gateway.ports import Event, Events, NotFound
from gateway.store import Store

log = structlog.get_logger()
RECENT = 512
"""Turns whose replies are kept for a request that comes just after the commit; the replies of
older turns are read from the database."""
LOOK_AGAIN = 0.5
"""Seconds between looks at the database for a turn of another process, in case its event is
lost."""
TURNS = "turns"
"""The topic on which processes announce committed turns."""
Waiter = asyncio.Future[tuple[Message, ...] | None]
"""Resolves to the replies; None: look at the database again, or give up."""


@dataclass
class ReplyWaiter:
    """The `Mailbox` of customers, and the place to wait for one turn's replies.

    ``others``: events shared with the other processes; None when this one works alone.
    """

    store: Store
    _: KW_ONLY
    others: Events | None = None
    _expected: set[int] = field(default_factory=set, init=False)
    """Turns that this process will handle itself."""
    _recent: MutableMapping[int, tuple[Message, ...]] = field(
        default_factory=lambda: LRUCache(RECENT), init=False
    )
    _waiters: dict[int, set[Waiter]] = field(default_factory=lambda: defaultdict(set), init=False)

    async def messages(
        self, address: Address, *, after: int = 0, limit: int = 100, own: bool = False
    ) -> tuple[Message, ...]:
        """The messages to ``address``; see `Mailbox`."""
        return await self.store.queries.messages(address, after=after, limit=limit, own=own)

    def expect(self, turn: int) -> None:
        """This process accepted ``turn``; when it works alone it will also handle it."""
        if self.others is None:
            self._expected.add(turn)

    def settle(self, turn: int, replies: tuple[Message, ...]) -> None:
        """``turn`` is committed with ``replies``."""
        self._expected.discard(turn)
        self._recent[turn] = replies
        self._resolve(turn, replies)
        if self.others is not None:
            event = Event(topic=TURNS, name="settled", data={"turn": str(turn)})
            self.others.publish(event)

    def forget(self, turn: int) -> None:
        """``turn`` was handled elsewhere, or no longer exists."""
        self._expected.discard(turn)

    async def listen(self) -> None:
        """Learn of turns that other processes commit, until cancelled."""
        if self.others is None:
            return
        async with self.others.listen(TURNS) as events:
            async for event in events:
                turn = event.data.get("turn", "")
                # An event without a turn says that some were lost: everybody looks again.
                for waiting in [int(turn)] if turn.isdecimal() else tuple(self._waiters):
                    self._resolve(waiting, None)

    async def answer(self, turn: int, *, timeout: float) -> tuple[Message, ...] | None:
        """The replies of ``turn`` once it is committed; None after ``timeout`` seconds, also while
        the database is away. Raises NotFound for a turn that does not exist."""
        if turn in self._expected:
            return await self._wait_here(turn, timeout)
        try:
            async with asyncio.timeout(timeout):
                while (replies := await self._look_patiently(turn)) is None:
                    pass
                return replies
        except TimeoutError:
            return None

    async def _wait_here(self, turn: int, timeout: float) -> tuple[Message, ...] | None:
        """Wait for a turn that this process will settle."""
        waiter = self._add_waiter(turn)
        # One call for each turn: `asyncio.timeout` does the same at twice the cost.
        timeout_timer = asyncio.get_running_loop().call_later(timeout, _give_up, waiter)
        try:
            return await waiter
        finally:
            timeout_timer.cancel()
            self._remove_waiter(turn, waiter)

    async def _look_patiently(self, turn: int) -> tuple[Message, ...] | None:
        """As `_look`. The message is taken: whoever sent it must not hear of a failure when the
        database goes away before the answer is there."""
        try:
            return await self._look(turn)
        except NotFound:
            raise
        except Exception:
            log.exception("answer.not_read", turn=turn)
            await asyncio.sleep(LOOK_AGAIN)
            return None

    async def _look(self, turn: int) -> tuple[Message, ...] | None:
        """Wait for a turn that another process may settle; None: look again."""
        if turn in self._recent:
            return self._recent[turn]
        waiter = self._add_waiter(turn)
        try:
            if (stored := await self.store.inbox.handled(turn)) is not None:
                return stored
            done, _ = await asyncio.wait((waiter,), timeout=LOOK_AGAIN)
            return waiter.result() if done else None
        finally:
            self._remove_waiter(turn, waiter)

    def _add_waiter(self, turn: int) -> Waiter:
        waiter: Waiter = asyncio.get_running_loop().create_future()
        self._waiters[turn].add(waiter)
        return waiter

    def _remove_waiter(self, turn: int, waiter: Waiter) -> None:
        waiters = self._waiters[turn]
        waiters.discard(waiter)
        if not waiters:
            del self._waiters[turn]

    def _resolve(self, turn: int, replies: tuple[Message, ...] | None) -> None:
        for waiter in self._waiters.get(turn, ()):
            if not waiter.done():
                waiter.set_result(replies)


def _give_up(waiter: Waiter) -> None:
    if not waiter.done():
        waiter.set_result(None)
