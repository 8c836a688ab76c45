"""The store of the team's sources. What may be large is written in several short jobs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

from sqlalchemy import select, update

from gateway.adapters.sql import rows
from gateway.adapters.sql.engine.base import SqlDatabase
from gateway.adapters.sql.knowledge import documents, reading
from gateway.adapters.sql.schema import knowledge_changes, knowledge_sources
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
from gateway.ports import Clock, NotFound

AT_ONCE = 500
"""Ids in one statement."""


class SqlKnowledge:
    """See `ports.KnowledgeStore`."""

    def __init__(self, database: SqlDatabase, clock: Clock) -> None:
        self._db = database
        self._clock = clock

    async def add_source(self, source: NewSource) -> KnowledgeSource:
        at = self._now()
        return await self._db.write(lambda c: documents.add_source(c, source, at))

    async def sources(self) -> tuple[KnowledgeSource, ...]:
        return await self._db.read(reading.all_sources)

    async def checked(self, source: int) -> None:
        chosen = update(knowledge_sources).where(knowledge_sources.c.id == source)
        noted = chosen.values(checked_at=self._now())
        if not await self._db.write(lambda c: c.execute(noted).rowcount):
            raise NotFound(f"there is no source {source}; `warmline knowledge list` names them")

    async def remove_source(self, source: int) -> None:
        at = self._now()
        while await self._db.write(lambda c: documents.remove_next(c, source, at), long=True):
            pass

    async def documents(self, source: int) -> tuple[KnowledgeDocument, ...]:
        return await self._db.read(lambda c: reading.documents_of(c, source), long=True)

    async def put_document(
        self, source: int, document: NewDocument, differences: Sequence[str] = ()
    ) -> KnowledgeDocument:
        at = self._now()
        return await self._db.write(
            lambda c: documents.put(c, source, document, differences, at), long=True
        )

    async def mark_gone(self, document: int) -> None:
        at = self._now()
        await self._db.write(lambda c: documents.mark_gone(c, document, at))

    async def passages(self, ids: Sequence[int]) -> tuple[Passage, ...]:
        found = await self._db.read(lambda c: reading.by_id(c, ids), long=len(ids) > AT_ONCE)
        return tuple(found[id] for id in ids if id in found)

    async def passages_of(
        self, document: int, *, version: int | None = None
    ) -> tuple[Passage, ...]:
        return await self._db.read(lambda c: reading.of_document(c, document, version), long=True)

    async def current_passages(self, after: int = 0, limit: int = 500) -> tuple[Passage, ...]:
        return await self._db.read(lambda c: reading.current(c, after, limit), long=True)

    async def changes(self, after: int = 0, limit: int = 500) -> tuple[DocumentChange, ...]:
        query = (
            select(knowledge_changes)
            .where(knowledge_changes.c.id > after)
            .order_by(knowledge_changes.c.id)
            .limit(limit)
        )
        return await self._db.read(
            lambda c: tuple(reading.change(row) for row in c.execute(query)), long=True
        )

    async def last_change(self) -> int:
        return await self._db.read(reading.newest_change)

    async def unsettled_changes(self, limit: int = 100) -> tuple[DocumentChange, ...]:
        return await self._db.read(lambda c: reading.unsettled(c, limit), long=True)

    async def settle_change(self, change: int, who: str) -> None:
        chosen = update(knowledge_changes).where(knowledge_changes.c.id == change)
        settled = chosen.values(settled_by=who)
        if not await self._db.write(lambda c: c.execute(settled).rowcount):
            raise NotFound(f"there is no change {change}")

    async def vectors(self, ids: Sequence[int], model: str) -> Mapping[int, bytes]:
        return await self._db.read(lambda c: reading.vectors_of(c, ids, model), long=True)

    async def put_vectors(self, model: str, vectors: Mapping[int, bytes]) -> None:
        ids = tuple(vectors)
        for start in range(0, len(ids), AT_ONCE):
            part = {id: vectors[id] for id in ids[start : start + AT_ONCE]}
            await self._db.write(
                partial(documents.put_vectors, model=model, vectors=part), long=True
            )

    async def cited(self, ids: Sequence[int]) -> tuple[CitedPassage, ...]:
        return await self._db.read(lambda c: reading.cited(c, ids))

    async def used_in(self, conversations: Sequence[int]) -> tuple[SourceUse, ...]:
        return await self._db.read(lambda c: reading.used_in(c, conversations))

    async def uses(self, document: int, *, limit: int = 100) -> tuple[SourceUse, ...]:
        return await self._db.read(lambda c: reading.uses_of(c, document, limit), long=True)

    async def decided_drafts(self, limit: int = 1_000) -> tuple[DecidedDraft, ...]:
        return await self._db.read(lambda c: reading.decided(c, limit), long=True)

    async def count_decided_drafts(self, limit: int = 1_000) -> int:
        return await self._db.read(lambda c: reading.count_decided(c, limit), long=True)

    def _now(self) -> int:
        return rows.to_ms(self._clock.now())
