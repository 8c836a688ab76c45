"""The team's sources, as the database keeps them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from gateway.model import (
    CitedPassage,
    DecidedDraft,
    DocumentChange,
    KnowledgeDocument,
    KnowledgeSource,
    NewDocument,
    NewSource,
    Passage,
    SourceUse,
)


class KnowledgeStore(Protocol):
    """Sources, documents and passages. Calls return after the commit.

    Several processes may use it: each learns of others' changes by `changes`.
    """

    async def add_source(self, source: NewSource) -> KnowledgeSource:
        """Store a source. Raises WarmlineError when its location is one already."""
        ...

    async def sources(self) -> tuple[KnowledgeSource, ...]: ...

    async def checked(self, source: int) -> None:
        """Note that ``source`` was read to the end. Raises NotFound."""
        ...

    async def remove_source(self, source: int) -> None:
        """Delete a source with its documents, passages of all versions, vectors and uses. A
        ``removed`` change of each document stays, with title and location, and no other. Works in
        steps: after a crash, call it again. Raises NotFound."""
        ...

    async def documents(self, source: int) -> tuple[KnowledgeDocument, ...]: ...

    async def put_document(
        self, source: int, document: NewDocument, differences: Sequence[str] = ()
    ) -> KnowledgeDocument:
        """Store ``document``. With a new digest, title or language it is a new version, whose
        passages are current from then on. Those of the nine versions before it stay, and so do
        older ones that an answer rests on; they are not current. Without any of the three nothing
        but its times change. One that was gone has returned. Raises NotFound for ``source``."""
        ...

    async def mark_gone(self, document: int) -> None:
        """Note that the source has ``document`` no more. Raises NotFound."""
        ...

    async def passages(self, ids: Sequence[int]) -> tuple[Passage, ...]:
        """Those of ``ids`` that exist, in that order."""
        ...

    async def passages_of(
        self, document: int, *, version: int | None = None
    ) -> tuple[Passage, ...]:
        """The passages of a document in order; of its newest version when None."""
        ...

    async def current_passages(self, after: int = 0, limit: int = 500) -> tuple[Passage, ...]:
        """The next current passages of all documents, with ids above ``after``, in the order of
        their ids. An empty tuple ends the walk."""
        ...

    async def changes(self, after: int = 0, limit: int = 500) -> tuple[DocumentChange, ...]:
        """The next changes with ids above ``after``, in order. Ids grow in the order of commits:
        whoever asks with the last id that they saw misses nothing."""
        ...

    async def last_change(self) -> int:
        """The id of the newest change; 0 when there is none. Whoever reads this and then walks
        over `current_passages` knows all changes up to it."""
        ...

    async def unsettled_changes(self, limit: int = 100) -> tuple[DocumentChange, ...]:
        """The newest changes of the kinds ``changed``, ``gone`` and ``removed`` that nobody has
        settled, newest first."""
        ...

    async def settle_change(self, change: int, who: str) -> None:
        """Note that ``who`` has looked at the answers that rest on it. Raises NotFound."""
        ...

    async def vectors(self, ids: Sequence[int], model: str) -> Mapping[int, bytes]:
        """What `put_vectors` stored for those passages, by id."""
        ...

    async def put_vectors(self, model: str, vectors: Mapping[int, bytes]) -> None:
        """Store the embeddings of passages, made with ``model``, in a form that the caller alone
        knows. Passages that do not exist any more are left out."""
        ...

    async def cited(self, ids: Sequence[int]) -> tuple[CitedPassage, ...]:
        """Those of ``ids`` that are stored, in that order, with what became of their document."""
        ...

    async def used_in(self, conversations: Sequence[int]) -> tuple[SourceUse, ...]:
        """What sent answers of these conversations rest on, oldest first; at most 500."""
        ...

    async def uses(self, document: int, *, limit: int = 100) -> tuple[SourceUse, ...]:
        """The newest answers that rest on passages of ``document``, of any version."""
        ...

    async def decided_drafts(self, limit: int = 1_000) -> tuple[DecidedDraft, ...]:
        """The newest drafts that rest on passages and that a person has sent, edited or ignored, or
        has left open and answered by hand; newest first, at most 1,000. Of all kinds of drafts the
        newest five times ``limit`` are looked at."""
        ...

    async def count_decided_drafts(self, limit: int = 1_000) -> int:
        """How many `decided_drafts` gives, without reading their words."""
        ...
