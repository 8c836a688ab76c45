"""The team's sources, as the database keeps them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from gateway.model import (
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
        ``removed`` change stays, with title and location. Raises NotFound."""
        ...

    async def documents(self, source: int) -> tuple[KnowledgeDocument, ...]: ...

    async def put_document(
        self, source: int, document: NewDocument, differences: Sequence[str] = ()
    ) -> KnowledgeDocument:
        """Store ``document``; with a new digest as a new version, whose passages are current from
        then on. Those of earlier versions stay, and are not. Raises NotFound for ``source``."""
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
        """The passages of a document in order; of its current version when None."""
        ...

    async def changes(self, after: int = 0, limit: int = 500) -> tuple[DocumentChange, ...]:
        """The next changes with ids above ``after``, in order."""
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

    async def uses(self, document: int, *, limit: int = 100) -> tuple[SourceUse, ...]:
        """The newest answers that rest on passages of ``document``, of any version."""
        ...
