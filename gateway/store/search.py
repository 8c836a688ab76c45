"""What the search index is built from, and the index."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from gateway.model import SearchHit, Value


class SearchDocument(Value, frozen=True, kw_only=True):
    """A message for the index. ``text`` is what was written, with subject and names of files;
    ``people`` the customer's name and address. ``id`` is the message's."""

    id: int
    conversation: int
    lane: str
    brand: str
    text: str
    people: str


class SearchQuery(Value, frozen=True, kw_only=True):
    """Groups of normalised words: the words of a group follow one another. All groups must match;
    the last word of the last group may be a beginning, unless ``whole``."""

    groups: tuple[tuple[str, ...], ...]
    brands: tuple[str, ...] = ()
    whole: bool = False


class IndexMatch(Value, frozen=True, kw_only=True):
    """A message that matches."""

    message: int
    conversation: int


class SearchSource(Protocol):
    """The messages that are searched, as the database has them."""

    async def documents(
        self, after: int, limit: int, *, lanes: Sequence[str] = ()
    ) -> tuple[tuple[SearchDocument, ...], int]:
        """The next messages with ids above ``after`` that are to be found, and the id of the last
        message that was looked at; ``after`` when there are no more. With ``lanes`` those of these
        addresses alone, whether they are in the index or not."""
        ...

    async def waiting(self, after: int) -> int:
        """How many messages `documents` would return in all, counted among the next 10,000 ids."""
        ...

    async def existing(self, ids: Sequence[int]) -> frozenset[int]:
        """Those of the messages ``ids`` that exist."""
        ...

    async def hits(self, ids: Sequence[int]) -> tuple[SearchHit, ...]:
        """Those of the messages ``ids`` that exist, newest first, with whole texts and no
        matches."""
        ...


class SearchIndex(Protocol):
    """An index of words. It can be built again from the database at any time."""

    async def add(self, documents: Sequence[SearchDocument], looked_at: int) -> None:
        """Add ``documents``, and remember that messages up to ``looked_at`` are done."""
        ...

    async def position(self) -> int:
        """The id of the last message that was looked at."""
        ...

    async def matches(self, query: SearchQuery, before: int, limit: int) -> tuple[IndexMatch, ...]:
        """The newest matches with ids below ``before`` (0: of all)."""
        ...

    async def shown(
        self, query: SearchQuery, since: int, conversations: Sequence[int]
    ) -> frozenset[int]:
        """Those of ``conversations`` that have a match with an id of ``since`` or above: the pages
        before have shown them."""
        ...

    async def ids(self, after: int, limit: int) -> tuple[int, ...]:
        """The ids in the index above ``after``, in order."""
        ...

    async def remove(self, ids: Sequence[int]) -> None:
        """Remove messages; nothing of their words is left afterwards."""
        ...

    async def remove_lanes(self, lanes: Sequence[str]) -> int:
        """Remove the messages of these addresses; return how many there were."""
        ...

    async def purge(self) -> None:
        """Finish removals that a crash or another process has cut off."""
        ...

    async def clear(self) -> None:
        """Remove everything."""
        ...

    async def close(self) -> None: ...
