"""Finds the resolved conversation that is most like the one at hand, and offers its answer."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from gateway import Fact, PastAnswer, Records, Reply, Services, Turn

from .likeness import Likeness
from .masking import masked, share_kept, shared

RECENT = 3
"""Earlier messages of the customer that tell what it is about, too."""

KEPT = 0.6
"""An answer of which less than this is left without the customer's own is none."""


class Shelf:
    """The precedents of one language."""

    def __init__(self, found: Sequence[PastAnswer]) -> None:
        self._found = tuple(found)
        self._likeness = Likeness([one.asked for one in found])
        self._common = shared((one.customer, one.said) for one in found)

    def nearest(self, text: str, conversation: int, *, least: float) -> tuple[str, int] | None:
        """The answer to what is most like ``text``, masked, and its conversation's id."""
        likes = self._likeness.of(text)
        ranked = sorted(zip(likes, self._found, strict=True), key=lambda one: -one[0])
        for like, one in ranked:
            if like < least:
                return None
            words = masked(one.said, one.names, self._common)
            if one.conversation != conversation and share_kept(words) >= KEPT:
                return words, one.conversation
        return None


class Precedents:
    """Drafts what a person answered before; never speaks to customers.

    Implements `Handler`, `Suggester` and `Poller`.
    """

    name = "precedents"
    priority = 70

    def __init__(self, *, most: int, days: int, alike: float, look_every: float) -> None:
        """Looks back at ``most`` conversations of ``days``, every ``look_every`` seconds while
        it is asked; ``alike``: least likeness (0..1) of what was asked."""
        self._most, self._days, self._alike = most, days, alike
        self._every = timedelta(seconds=look_every)
        self._records: Records | None = None
        self._looked: datetime | None = None
        self._shelves: dict[str, Shelf] = {}
        self._looking = asyncio.Lock()

    async def run(self, services: Services) -> None:
        self._records = services.records
        await asyncio.Event().wait()

    async def handle(self, turn: Turn) -> Reply | None:  # noqa: ARG002  (a Handler is asked)
        return None

    async def suggest(self, turn: Turn) -> Reply | None:
        if turn.kind != "message":
            return None
        await self._look(turn.at)
        shelf = self._shelves.get(turn.language)
        if shelf is None:
            return None
        text = " ".join(_asked(turn))
        found = await asyncio.to_thread(
            shelf.nearest, text, turn.conversation.id, least=self._alike
        )
        if found is None:
            return None
        words, conversation = found
        source = Fact(name="source", value=f"conversation {conversation}")
        return Reply(opener="", body=(words,), facts=(source,), language=turn.language)

    async def _look(self, now: datetime) -> None:
        """Read the records again, unless that was lately; who comes meanwhile waits."""
        async with self._looking:
            fresh = self._looked is not None and now - self._looked < self._every
            if fresh or self._records is None:
                return
            since = now - timedelta(days=self._days)
            found = await self._records.answered(since=since, limit=self._most)
            self._shelves = await asyncio.to_thread(_shelved, found)
            self._looked = now


def _shelved(found: Sequence[PastAnswer]) -> dict[str, Shelf]:
    by: dict[str, list[PastAnswer]] = {}
    for one in found:
        by.setdefault(one.language, []).append(one)
    return {language: Shelf(some) for language, some in by.items()}


def _asked(turn: Turn) -> Iterator[str]:
    """What the customer wrote, as far as it may be what this is about."""
    earlier = [m.text for m in turn.history if m.author == "customer" and not m.internal]
    yield from earlier[-RECENT:]
    yield turn.message.text
