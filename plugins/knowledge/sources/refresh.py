"""Reading a source into the store: what is new, what changed, what is gone."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import structlog

from gateway import (
    KnowledgeDocument,
    KnowledgeSource,
    KnowledgeStore,
    NewDocument,
    Services,
    Value,
    WarmlineError,
    counted,
)
from plugins.knowledge.readers.reading import DocumentReader
from plugins.knowledge.settings import CrawlLimits
from plugins.knowledge.sources.checks import SourceCheck, SourceChecks
from plugins.knowledge.sources.differences import differences_between
from plugins.knowledge.sources.fetching import PageFetcher
from plugins.knowledge.sources.folders import FolderWalk
from plugins.knowledge.sources.outcomes import (
    LocationOutcome,
    SameLocation,
    SkippedLocation,
    SourceWalk,
    place_of,
)
from plugins.knowledge.sources.site import SiteWalk
from plugins.knowledge.sources.urls import is_url

log = structlog.get_logger()
MANY = 5
"""When so many documents, and half of a source's, are gone at once, an automatic check does not
believe it: a site that is being rebuilt looks like this."""


class ReadProgress(Value, frozen=True, kw_only=True):
    """How far the reading of a source is. ``waiting``: places that are known and not read yet."""

    location: str
    outcome: str
    done: int
    waiting: int


def knowledge_of(services: Services) -> KnowledgeStore:
    """The store of sources. Raises WarmlineError when there is none."""
    if services.knowledge is None:
        raise WarmlineError("these services have no store of sources; open them with the gateway's")
    return services.knowledge


@dataclass(kw_only=True)
class SourceRefresh:
    """Reads sources. One reading process serves several sources, one after the other."""

    services: Services
    limits: CrawlLimits
    reader: DocumentReader

    async def refresh(
        self,
        source: KnowledgeSource,
        *,
        on_progress: Callable[[ReadProgress], None] = lambda progress: None,  # noqa: ARG005
        whole: bool = False,
        automatic: bool = False,
    ) -> SourceCheck:
        """Read ``source``. With ``whole`` also what its server says has not changed. Interrupted
        at any instant and run again, nothing is twice and nothing is missing. Raises
        WarmlineError when the source as a whole cannot be read; what is stored of it stays."""
        store = knowledge_of(self.services)
        began = self.services.clock.now()
        checks = SourceChecks(self.services.storage)
        documents = await store.documents(source.id)
        run = _Run(store=store, source=source, documents=documents)
        try:
            async with self._walk(source, whole=whole) as walk:
                async for outcome in walk.outcomes(run.by_place):
                    said = await run.take(outcome)
                    on_progress(
                        ReadProgress(
                            location=outcome.location,
                            outcome=said,
                            done=run.places,
                            waiting=walk.waiting,
                        )
                    )
                await run.end(cut_short=walk.cut_short, automatic=automatic)
        except WarmlineError as error:
            await checks.keep(
                source.id, SourceCheck(at=self.services.clock.now(), problem=str(error))
            )
            raise
        await store.checked(source.id)
        now = self.services.clock.now()
        check = run.check.replace(at=now, seconds=(now - began).total_seconds())
        await checks.keep(source.id, check)
        log.info(
            "knowledge.read",
            source=source.id,
            added=check.added,
            changed=check.changed,
            gone=check.gone,
            skipped=len(check.skipped),
        )
        return check

    @asynccontextmanager
    async def _walk(self, source: KnowledgeSource, *, whole: bool) -> AsyncIterator[SourceWalk]:
        # A first reading that was cut off has no links of the pages that it read.
        conditional = source.checked_at is not None and not whole
        if not is_url(source.location):
            yield FolderWalk(
                source, reader=self.reader, limits=self.limits, conditional=conditional
            )
            return
        own = (source.location,) if source.private else ()
        async with self.services.public_http.session(own=own) as session:
            clock = self.services.clock
            yield SiteWalk(
                source,
                fetcher=PageFetcher(session, clock, self.limits),
                reader=self.reader,
                clock=clock,
                limits=self.limits,
                conditional=conditional,
            )


@dataclass(kw_only=True)
class _Run:
    """One reading of one source."""

    store: KnowledgeStore
    source: KnowledgeSource
    documents: Sequence[KnowledgeDocument]
    check: SourceCheck = field(default_factory=SourceCheck)
    places: int = 0
    failed: bool = False

    def __post_init__(self) -> None:
        self.by_place: dict[str, list[KnowledgeDocument]] = {}
        for document in self.documents:
            self.by_place.setdefault(place_of(document.location), []).append(document)
        self._stored = {document.location: document for document in self.documents}
        current = [document for document in self.documents if document.state == "current"]
        self._by_digest = {document.digest: document.location for document in current}
        self._there: set[str] = set()
        """Locations that were seen in this run."""
        self._kept: set[str] = set()
        """Locations of which nothing is known, as their place failed."""
        self._looked_at: set[str] = set()
        self._later: list[NewDocument] = []
        """The same as a stored one that was not seen yet: it may have moved."""

    async def take(self, outcome: LocationOutcome) -> str:
        """Store what one place came to; returns how it is told."""
        self.places += 1
        if isinstance(outcome, SameLocation):
            known = [d for d in self.by_place.get(outcome.location, ()) if d.state == "current"]
            self._there.update(document.location for document in known)
            self._count(unchanged=len(known), passages=sum(d.passages for d in known))
            return "unchanged"
        if isinstance(outcome, SkippedLocation):
            return self._skip(outcome)
        self._looked_at.add(outcome.location)
        said = [await self._put(document) for document in outcome.documents]
        return ", ".join(dict.fromkeys(said))

    async def end(self, *, cut_short: str, automatic: bool) -> None:
        """Store what moved, and mark what is gone."""
        for moved in self._later:
            if self._by_digest.get(moved.digest) in self._there:
                self._count(same=1)
            else:
                self._by_digest.pop(moved.digest, None)
                await self._put(moved)
        current = [d for d in self.documents if d.state == "current"]
        gone = [
            d
            for d in current
            if d.location not in self._there
            and d.location not in self._kept
            and not (cut_short and place_of(d.location) not in self._looked_at)
            and not (self.failed and self._is_of_an_export(d))
        ]
        doubtful = automatic and len(gone) >= MANY and len(gone) * 2 >= len(current)
        if doubtful:
            problem = (
                f"{len(gone)} of {len(current)} documents are gone at once, so nothing was marked; "
                "if that is right, read the source again: `warmline knowledge refresh "
                f"{self.source.id}`"
            )
            self.check = self.check.replace(problem=problem)
        else:
            for document in gone:
                await self.store.mark_gone(document.id)
            self._count(gone=len(gone))
        self.check = self.check.replace(cut_short=cut_short)

    def _is_of_an_export(self, document: KnowledgeDocument) -> bool:
        """Whether a file of the source has it, under the address of an article."""
        return is_url(document.location) and not is_url(self.source.location)

    def _skip(self, skipped: SkippedLocation) -> str:
        known = [d for d in self.by_place.get(skipped.location, ()) if d.state == "current"]
        self._looked_at.add(skipped.location)
        if skipped.kind != "gone":
            self._kept.update(document.location for document in known)
            self.failed |= skipped.kind == "failed"
        self.check = self.check.replace(
            skipped=(*self.check.skipped, (skipped.location, skipped.why))
        )
        return f"skipped: {skipped.why}"

    async def _put(self, document: NewDocument) -> str:
        if document.location in self._there:
            self._count(same=1)
            return "same as another page"
        twin = self._by_digest.get(document.digest, document.location)
        if twin != document.location:
            if twin in self._there:
                self._count(same=1)
                return "same as another page"
            self._later.append(document)
            return "same as another page"
        before = self._stored.get(document.location)
        differences: tuple[str, ...] = ()
        if before is not None and before.digest != document.digest:
            old = await self.store.passages_of(before.id)
            differences = await asyncio.to_thread(
                differences_between,
                old,
                document.passages,
                titles=(before.title, document.title),
            )
        stored = await self.store.put_document(self.source.id, document, differences)
        self._there.add(document.location)
        self._by_digest[document.digest] = document.location
        self._count(passages=len(document.passages))
        if before is None:
            self._count(added=1)
            return counted(stored.passages, "passage")
        if before.digest == document.digest and before.state == "current":
            self._count(unchanged=1)
            return "unchanged"
        self._count(changed=1)
        return _changed(differences)

    def _count(self, **more: int) -> None:
        counts = {name: getattr(self.check, name) + number for name, number in more.items()}
        self.check = self.check.replace(**counts)


def _changed(differences: Sequence[str]) -> str:
    """What changed: one difference in the same line, several in a line each."""
    if len(differences) == 1:
        return f"changed: {differences[0]}"
    return "\n  ".join(("changed:" if differences else "changed", *differences))
