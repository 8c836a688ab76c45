"""What reading a source comes to: a document that was read, one that is the same, or a reason."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Literal, Protocol, TypeAlias

from gateway import KnowledgeDocument, NewDocument, Value

SkipKind = Literal["failed", "gone", "not_read"]
"""``failed``: it may be there next time, so what is stored of it stays. ``gone``: it is not there
any more. ``not_read``: it is there, and is none of what is read."""


class ReadLocation(Value, frozen=True, kw_only=True):
    """The documents at ``location``: a page or a file."""

    location: str
    documents: tuple[NewDocument, ...]


class SameLocation(Value, frozen=True, kw_only=True):
    """What is at ``location`` has not changed since it was stored."""

    location: str


class SkippedLocation(Value, frozen=True, kw_only=True):
    """Nothing was read at ``location``; ``why`` is for people."""

    location: str
    why: str
    kind: SkipKind = "not_read"


LocationOutcome: TypeAlias = ReadLocation | SameLocation | SkippedLocation


class SourceWalk(Protocol):
    """One walk through a source."""

    @property
    def cut_short(self) -> str:
        """Why the walk ended before its end, such as a limit; empty: it did not."""
        ...

    @property
    def waiting(self) -> int:
        """How many places are known and not looked at yet."""
        ...

    def outcomes(
        self, known: Mapping[str, Sequence[KnowledgeDocument]]
    ) -> AsyncIterator[LocationOutcome]:
        """What each place comes to. ``known`` are the stored documents by the place that they come
        from. Raises WarmlineError when the source as a whole cannot be read."""
        ...


def place_of(location: str) -> str:
    """The page or file that a document comes from: its location without the part within it."""
    return location.partition("#")[0]
