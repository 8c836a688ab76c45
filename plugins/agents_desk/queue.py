"""The queue as all open pages share it: one read for each change, however many desks are open."""

from __future__ import annotations

import asyncio
from collections.abc import Collection

from gateway import Agent, Event, QueueItem, QueuePage, Services

SHOWN = 50
"""Waiting conversations on a page of the queue."""
LONGEST_AGE = 1.0
"""Seconds after which the queue is read again although no event announced a change: another
program, such as `warmline customer erase`, may have changed it."""
UNRELATED = frozenset({"status", "typing", "notice"})
"""Events of the topic ``desk`` that change nothing in the queue."""


class QueueBoard:
    """The newest page of the queue of some brands, and the generation in which each part of it last
    changed. ``brands``: none for the whole queue.

    All that ask at the same moment get the result of one read. An event makes it out of date, so a
    page never shows less than what was committed before it was asked for.
    """

    def __init__(self, services: Services, brands: tuple[str, ...] = ()) -> None:
        self._services, self.brands = services, brands
        self._page = QueuePage(waiting=(), held=(), count=0)
        self._wanted = self._known = 0
        self._read_at = float("-inf")
        self._reading: asyncio.Task[None] | None = None
        self.generation = 0
        """How many reads found something changed."""
        self._waiting_changed = 0
        self._held_changed: dict[str, int] = {}

    def outdate(self) -> None:
        """Take the queue as changed."""
        self._wanted += 1

    def generation_for(self, agent: Agent, *, sees_all: bool) -> int:
        """The generation in which what ``agent`` sees of the queue last changed."""
        if sees_all:
            return self.generation
        return max(self._waiting_changed, self.own_generation(agent))

    def own_generation(self, agent: Agent) -> int:
        """The generation in which one of the agent's own conversations last changed."""
        return self._held_changed.get(agent.id, 0)

    async def current(self) -> QueuePage:
        """The queue with everything that was committed and announced before this call."""
        wanted, since = self._wanted, self._now() - LONGEST_AGE
        while self._known < wanted or self._read_at < since:
            if self._reading is None:
                self._reading = asyncio.create_task(self._read())
            await asyncio.shield(self._reading)
        return self._page

    async def latest(self) -> QueuePage:
        """The queue as it was read last, at most `LONGEST_AGE` old. Enough for a page that was
        told of a change: whoever told it has read that change."""
        if self._now() - self._read_at > LONGEST_AGE:
            return await self.current()
        return self._page

    async def _read(self) -> None:
        wanted, at = self._wanted, self._now()
        try:
            page = await self._services.desk.queue_page(most=SHOWN, brands=self.brands)
            self._keep(page)
            self._known, self._read_at = wanted, at
        finally:
            self._reading = None

    def _keep(self, page: QueuePage) -> None:
        before = {item.conversation.id: item for item in self._page.items}
        now = {item.conversation.id: item for item in page.items}
        changed = [
            item
            for id in before.keys() | now.keys()
            if (old := before.get(id)) != (new := now.get(id))
            for item in (old, new)
            if item is not None
        ]
        if not changed and page.count == self._page.count:
            return
        self.generation += 1
        if page.count != self._page.count or not all(_owner(item) for item in changed):
            self._waiting_changed = self.generation
        owners = {_owner(item) for item in page.held}
        self._held_changed = {k: v for k, v in self._held_changed.items() if k in owners}
        self._held_changed |= {_owner(item): self.generation for item in changed if _owner(item)}
        # An item that has not changed stays the same object: its line is rendered once.
        self._page = page.replace(
            waiting=tuple(_same(before.get(i.conversation.id), i) for i in page.waiting),
            held=tuple(_same(before.get(i.conversation.id), i) for i in page.held),
        )

    def _now(self) -> float:
        return asyncio.get_running_loop().time()


class QueueBoards:
    """A board for each set of brands that somebody sees, so that nobody gets from another's board
    what they may not see."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._boards: dict[tuple[str, ...], QueueBoard] = {}

    def of(self, brands: Collection[str]) -> QueueBoard:
        """The board with the conversations of ``brands``; none: of all."""
        key = tuple(sorted(set(brands)))
        if key not in self._boards:
            self._boards[key] = QueueBoard(self._services, key)
        return self._boards[key]

    def outdate(self, event: Event | None = None) -> bool:
        """Take the queue as changed; return whether ``event`` may have changed it."""
        if event is not None and event.name in UNRELATED:
            return False
        for board in self._boards.values():
            board.outdate()
        return True


def _same(before: QueueItem | None, now: QueueItem) -> QueueItem:
    return before if before is not None and before == now else now


def _owner(item: QueueItem) -> str:
    """The id of the agent who has it; empty while it waits."""
    return item.conversation.owner.id if item.conversation.owner else ""
