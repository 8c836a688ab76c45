"""A team's sources in memory, for tests that build `Services` by hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from gateway.model import (
    ChangeKind,
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
from gateway.ports import Clock, NotFound, WarmlineError

KEPT_VERSIONS = 10


class MemoryKnowledge:
    """A `KnowledgeStore` in memory."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._sources: dict[int, KnowledgeSource] = {}
        self._documents: dict[int, KnowledgeDocument] = {}
        self._passages: dict[int, Passage] = {}
        self._changes: dict[int, DocumentChange] = {}
        self._vectors: dict[int, tuple[str, bytes]] = {}
        self._uses: list[SourceUse] = []
        self._drafts: dict[int, DecidedDraft] = {}
        self._ids: dict[str, int] = {}

    def note_use(self, use: SourceUse) -> None:
        """Record an answer that rests on a passage, as a turn's commit does."""
        self._uses.append(use)

    def note_draft(self, draft: DecidedDraft) -> None:
        """Record a draft that rests on passages, and what an agent made of it."""
        self._drafts[draft.id] = draft

    async def add_source(self, source: NewSource) -> KnowledgeSource:
        if any(stored.location == source.location for stored in self._sources.values()):
            what = f"{source.location} is a source already"
            raise WarmlineError(f"{what}; read it again with `warmline knowledge refresh`")
        stored = KnowledgeSource(
            id=self._next("source"),
            added_at=self._clock.now(),
            **{name: getattr(source, name) for name in NewSource.__struct_fields__},
        )
        self._sources[stored.id] = stored
        return stored

    async def sources(self) -> tuple[KnowledgeSource, ...]:
        return tuple(self._sources.values())

    async def checked(self, source: int) -> None:
        self._sources[source] = self._source(source).replace(checked_at=self._clock.now())

    async def remove_source(self, source: int) -> None:
        self._source(source)
        del self._sources[source]
        for document in [d for d in self._documents.values() if d.source == source]:
            for passage in [p for p in self._passages.values() if p.document == document.id]:
                del self._passages[passage.id]
            self._changes = {
                id: change for id, change in self._changes.items() if change.document != document.id
            }
            self._uses = [use for use in self._uses if use.document != document.id]
            del self._documents[document.id]
            self._note("removed", document)
        self._vectors = {id: v for id, v in self._vectors.items() if id in self._passages}

    async def documents(self, source: int) -> tuple[KnowledgeDocument, ...]:
        return tuple(d for d in self._documents.values() if d.source == source)

    async def put_document(
        self, source: int, document: NewDocument, differences: Sequence[str] = ()
    ) -> KnowledgeDocument:
        known = self._source(source)
        before = next(
            (
                stored
                for stored in self._documents.values()
                if (stored.source, stored.location) == (source, document.location)
            ),
            None,
        )
        same = ("digest", "title", "language")
        unchanged = before is not None and all(
            getattr(before, name) == getattr(document, name) for name in same
        )
        stored = KnowledgeDocument(
            id=before.id if before else self._next("document"),
            source=source,
            version=(before.version if before else 0) + (not unchanged),
            passages=len(document.passages),
            read_at=self._clock.now(),
            location=document.location,
            title=document.title,
            language=document.language,
            digest=document.digest,
            updated_at=document.updated_at,
            etag=document.etag,
            last_modified=document.last_modified,
        )
        if unchanged and before is not None:
            stored = stored.replace(passages=before.passages)
        self._documents[stored.id] = stored
        if not unchanged:
            self._drop_old_versions(stored)
            for new in document.passages:
                id = self._next("passage")
                self._passages[id] = Passage(
                    id=id,
                    document=stored.id,
                    version=stored.version,
                    source=source,
                    title=stored.title,
                    location=stored.location,
                    language=stored.language,
                    brand=known.brand,
                    updated_at=stored.updated_at,
                    **{name: getattr(new, name) for name in new.__struct_fields__},
                )
        self._mark_passages(stored)
        if before is None:
            self._note("added", stored)
        elif before.state == "gone":
            self._note("returned", stored, differences)
        elif not unchanged:
            self._note("changed", stored, differences)
        return stored

    async def mark_gone(self, document: int) -> None:
        stored = self._documents.get(document)
        if stored is None:
            raise NotFound(f"there is no document {document}")
        if stored.state == "gone":
            return
        self._documents[document] = gone = stored.replace(state="gone")
        self._mark_passages(gone)
        self._note("gone", gone)

    async def passages(self, ids: Sequence[int]) -> tuple[Passage, ...]:
        return tuple(self._passages[id] for id in ids if id in self._passages)

    async def passages_of(
        self, document: int, *, version: int | None = None
    ) -> tuple[Passage, ...]:
        stored = self._documents.get(document)
        wanted = version if version is not None or stored is None else stored.version
        return tuple(
            passage
            for passage in self._passages.values()
            if (passage.document, passage.version) == (document, wanted)
        )

    async def current_passages(self, after: int = 0, limit: int = 500) -> tuple[Passage, ...]:
        found = (p for id, p in sorted(self._passages.items()) if id > after and p.current)
        return tuple(found)[:limit]

    async def changes(self, after: int = 0, limit: int = 500) -> tuple[DocumentChange, ...]:
        return tuple(c for id, c in sorted(self._changes.items()) if id > after)[:limit]

    async def last_change(self) -> int:
        return max(self._changes, default=0)

    async def unsettled_changes(self, limit: int = 100) -> tuple[DocumentChange, ...]:
        wanted = ("changed", "gone", "removed")
        newest = sorted(self._changes.items(), reverse=True)
        found = (c for _, c in newest if c.kind in wanted and not c.settled_by)
        return tuple(found)[:limit]

    async def settle_change(self, change: int, who: str) -> None:
        if change not in self._changes:
            raise NotFound(f"there is no change {change}")
        self._changes[change] = self._changes[change].replace(settled_by=who)

    async def vectors(self, ids: Sequence[int], model: str) -> Mapping[int, bytes]:
        stored = {id: self._vectors[id] for id in ids if id in self._vectors}
        return {id: vector for id, (of, vector) in stored.items() if of == model}

    async def put_vectors(self, model: str, vectors: Mapping[int, bytes]) -> None:
        for id, vector in vectors.items():
            if id in self._passages:
                self._vectors[id] = (model, vector)

    async def cited(self, ids: Sequence[int]) -> tuple[CitedPassage, ...]:
        return tuple(self._cited(self._passages[id]) for id in ids if id in self._passages)

    def _cited(self, passage: Passage) -> CitedPassage:
        own = [c for _, c in sorted(self._changes.items()) if c.document == passage.document]
        version = passage.version
        later = (
            c.at for c in own if c.version > version or (c.kind, c.version) == ("gone", version)
        )
        return CitedPassage(
            passage=passage,
            read_at=next((c.at for c in own if c.version == version), None),
            gone=bool(own) and own[-1].kind == "gone",
            changed_at=None if passage.current else next(later, None),
        )

    async def used_in(self, conversations: Sequence[int]) -> tuple[SourceUse, ...]:
        return tuple(use for use in self._uses if use.conversation in conversations)[:500]

    async def uses(self, document: int, *, limit: int = 100) -> tuple[SourceUse, ...]:
        found = [use for use in reversed(self._uses) if use.document == document]
        return tuple(found[:limit])

    async def decided_drafts(self, limit: int = 1_000) -> tuple[DecidedDraft, ...]:
        newest = sorted(self._drafts.values(), key=lambda draft: -draft.id)
        return tuple(newest[: min(limit, 1_000)])

    async def count_decided_drafts(self, limit: int = 1_000) -> int:
        return len(await self.decided_drafts(limit))

    def _drop_old_versions(self, document: KnowledgeDocument) -> None:
        used = {use.passage for use in self._uses}
        for id, passage in tuple(self._passages.items()):
            old = passage.version <= document.version - KEPT_VERSIONS
            if passage.document == document.id and old and id not in used:
                del self._passages[id]

    def _mark_passages(self, document: KnowledgeDocument) -> None:
        """Make the passages of the newest version current, unless the document is gone; all
        inherit what it tells now."""
        for id, passage in self._passages.items():
            if passage.document == document.id:
                current = document.state == "current" and passage.version == document.version
                self._passages[id] = passage.replace(
                    current=current,
                    title=document.title,
                    language=document.language,
                    updated_at=document.updated_at,
                )

    def _note(
        self, kind: ChangeKind, document: KnowledgeDocument, differences: Sequence[str] = ()
    ) -> None:
        id = self._next("change")
        self._changes[id] = DocumentChange(
            id=id,
            at=self._clock.now(),
            kind=kind,
            source=document.source,
            document=document.id,
            title=document.title,
            location=document.location,
            version=document.version,
            differences=tuple(differences),
        )

    def _source(self, id: int) -> KnowledgeSource:
        if id not in self._sources:
            raise NotFound(f"there is no source {id}; `warmline knowledge list` names them")
        return self._sources[id]

    def _next(self, what: str) -> int:
        self._ids[what] = self._ids.get(what, 0) + 1
        return self._ids[what]
