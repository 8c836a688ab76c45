"""The conversations that have a card, as they are kept in the notebook and in memory."""

from __future__ import annotations

from collections.abc import Iterator

from channels.slack.agents import card as cards
from channels.slack.agents.store import Book, Kept, Thread
from gateway import Card, Outdated


class Threads:
    """What was posted of each conversation. One worker alone changes it."""

    def __init__(self, book: Book) -> None:
        self._book = book
        self._known: dict[int, Kept[Thread]] = {}

    def __contains__(self, conversation: int) -> bool:
        return conversation in self._known

    def __iter__(self) -> Iterator[int]:
        return iter(self._known)

    def __getitem__(self, conversation: int) -> Thread:
        return self._known[conversation].value

    async def load(self) -> None:
        """From the beginning: another process may have had it meanwhile."""
        self._known.clear()
        async for kept in self._book.all("open/", Thread):
            self._known[kept.value.conversation] = kept

    def rootless(self) -> bool:
        """Whether there is a card whose timestamp is not known yet."""
        return any(not kept.value.ts for kept in self._known.values())

    def kept(self, conversation: int) -> Kept[Thread]:
        """As the notebook has it; who changes it there gives the new one to `keep`."""
        return self._known[conversation]

    def keep(self, conversation: int, kept: Kept[Thread]) -> None:
        self._known[conversation] = kept

    def take(self, conversation: int) -> Kept[Thread] | None:
        """Forget it in memory, not in the notebook."""
        return self._known.pop(conversation, None)

    async def open(self, card: Card) -> None:
        """Raises Outdated when it is open already."""
        id = card.conversation.id
        thread = Thread(
            conversation=id,
            handoff=card.handoff.id if card.handoff else 0,
            cursor=max((m.id for m in card.messages), default=0),
            told=cards.whole(card),
        )
        kept = await self._book.add(f"open/{id}", thread, conversation=id)
        if kept is None:
            raise Outdated(f"open/{id} is there already")
        self._known[id] = kept

    async def change(self, conversation: int, **changes: object) -> None:
        """Raises Outdated when somebody else changed it."""
        kept = self._known[conversation]
        self._known[conversation] = await self._book.change(kept, kept.value.replace(**changes))

    async def close(self, conversation: int) -> None:
        """Nobody follows it any more."""
        await self._book.drop(self._known.pop(conversation))

    async def look_up(self, conversation: int) -> None:
        """What is kept of it in memory may be old. (Nothing kept: the customer was erased, which
        the next look finds.)"""
        kept = await self._book.get(f"open/{conversation}", Thread)
        if kept is not None:
            self._known[conversation] = kept

    async def lose(self, conversation: int) -> None:
        """Somebody deleted the card: it is posted anew, and its thread goes on there."""
        kept = await self._book.get(f"open/{conversation}", Thread)
        if kept is not None:
            bare = kept.value.replace(ts="", face="", marks={}, trying=False)
            await self._book.change(kept, bare)
