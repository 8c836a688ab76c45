"""``/desk/sources`` and the page of one source."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from gateway import (
    DeskPageRequest,
    DeskPageResult,
    DeskRight,
    DocumentChange,
    KnowledgeSource,
    NewSource,
    NotFound,
    Services,
    Value,
    WarmlineError,
)
from plugins.knowledge.answering.calibrator import promise
from plugins.knowledge.pages.html import SourceTemplates
from plugins.knowledge.sources.affected import (
    AffectedAnswers,
    answers_affected_by,
    written_answers,
)
from plugins.knowledge.sources.overview import SourceOverview, source_overviews
from plugins.knowledge.sources.refresh import knowledge_of
from plugins.knowledge.sources.registry import add_or_find, remove
from plugins.knowledge.sources.requests import ReadRequests
from plugins.knowledge.sources.urls import is_url, parse_url

PATH = "/desk/sources"
MOST_CHANGES = 30
"""Changes that a page shows; the others follow when these are settled."""
LOOK_BACK = 20_000
"""The changes that are looked through, the newest."""


class ShownChange(Value, frozen=True, kw_only=True):
    """A change that somebody should look at, with the answers that rest on it."""

    change: DocumentChange
    affected: AffectedAnswers

    @property
    def answers(self) -> bool:
        """Whether any answer rests on it."""
        return bool(self.affected.used or self.affected.written)


@dataclass(kw_only=True)
class SourceListPage:
    """What changed and waits for somebody to look, and all sources."""

    services: Services
    templates: SourceTemplates
    wrong_at_most: float
    """Of the answers that are sent alone, 0..1."""
    path: str = PATH
    title: str = "Sources"
    right: DeskRight = "see_all"

    async def show(self, request: DeskPageRequest) -> DeskPageResult:
        return await self._page(request)

    async def submit(self, request: DeskPageRequest) -> DeskPageResult:
        """Add a source, or settle a change."""
        if request.value("act") in ("settle", "settle_others"):
            await self._settle(request)
            return DeskPageResult(redirect=PATH)
        try:
            source = await self._add(request)
        except WarmlineError as error:
            return await self._page(request, problem=_sentence(error), status=422)
        return DeskPageResult(redirect=f"{PATH}/{source.id}")

    async def _add(self, request: DeskPageRequest) -> KnowledgeSource:
        location = request.value("location").strip()
        if not is_url(location):
            # A path would let leads read the server's own files.
            raise WarmlineError(
                "write a URL that begins with https://; folders and files are added on the "
                "server with `warmline knowledge add`"
            )
        brand = request.value("brand") or (request.agent.brands or ("",))[0]
        if not request.agent.works_for(brand):
            raise WarmlineError("please choose one of your brands")
        private = bool(request.value("private"))
        if private and "manage" not in request.rights:
            raise WarmlineError("only admins add sources of your own network")
        new = NewSource(
            location=str(parse_url(location)),
            title=request.value("title").strip()[:200],
            brand=brand,
            owner=request.value("owner").strip()[:200],
            private=private,
        )
        source, is_new = await add_or_find(self.services, new)
        if not request.agent.works_for(source.brand):
            raise WarmlineError("another brand has this source already")
        await ReadRequests(self.services).ask(source.id)
        if is_new:
            who = request.agent.id
            await self.services.audit.record(who, "knowledge_added", detail=f"source {source.id}")
        return source

    async def _settle(self, request: DeskPageRequest) -> None:
        """Settle one change, or all on which no answer rests. What somebody else settled
        meanwhile is left out."""
        number = request.value("change")
        for each in await self._changes(request, await self._sources(request)):
            others = request.value("act") == "settle_others" and not each.answers
            if others or str(each.change.id) == number:
                store = knowledge_of(self.services)
                await store.settle_change(each.change.id, request.agent.id)

    async def _sources(self, request: DeskPageRequest) -> Sequence[SourceOverview]:
        every = await source_overviews(self.services)
        return [each for each in every if request.agent.works_for(each.source.brand)]

    async def _page(
        self, request: DeskPageRequest, *, problem: str = "", status: int = 200
    ) -> DeskPageResult:
        sources = await self._sources(request)
        brands = {k: n for k, n in self.services.brands.items() if request.agent.works_for(k)}
        changes = await self._changes(request, sources)
        urgent = [each for each in changes if each.answers]
        others = [each for each in changes if not each.answers]
        return self.templates.page(
            request,
            "list.html",
            title="Sources",
            status=status,
            problem=problem,
            typed={name: request.value(name) for name in ("location", "title", "owner", "brand")},
            sources=sources,
            promise=await promise(self.services, wrong_at_most=self.wrong_at_most),
            waiting=await ReadRequests(self.services).waiting(),
            changes=urgent[:MOST_CHANGES],
            more=max(0, len(urgent) - MOST_CHANGES),
            others=others[:MOST_CHANGES],
            more_others=max(0, len(others) - MOST_CHANGES),
            brands=brands if request.agent.brands else {"": "all brands", **brands},
            may_be_private="manage" in request.rights,
        )

    async def _changes(
        self, request: DeskPageRequest, sources: Sequence[SourceOverview]
    ) -> list[ShownChange]:
        """Changes that nobody settled and that answers may rest on, the newest first."""
        brand_of = {each.source.id: each.source.brand for each in sources}
        found = [
            change
            for change in await _open_changes(self.services)
            if change.source in brand_of or (change.kind == "removed" and not request.agent.brands)
        ]
        written = await written_answers(self.services) if found else {}
        shown = []
        for change in reversed(found):
            brand = brand_of.get(change.source, "")
            affected = await answers_affected_by(self.services, change, written, brand=brand)
            each = ShownChange(change=change, affected=affected)
            if each.answers or change.kind != "removed":
                shown.append(each)
        return shown


@dataclass(kw_only=True)
class SourcePage:
    """One source: its documents, and what was skipped when it was last read."""

    services: Services
    templates: SourceTemplates
    path: str = f"{PATH}/{{id}}"
    title: str = ""
    right: DeskRight = "see_all"

    async def show(self, request: DeskPageRequest) -> DeskPageResult:
        overview = await _overview(self.services, request)
        documents = await knowledge_of(self.services).documents(overview.source.id)
        return self.templates.page(
            request,
            "source.html",
            title=overview.source.title or overview.source.location,
            overview=overview,
            brands=self.services.brands,
            waiting=overview.source.id in await ReadRequests(self.services).waiting(),
            documents=sorted(documents, key=lambda d: (d.state != "current", d.title.lower())),
        )

    async def submit(self, request: DeskPageRequest) -> DeskPageResult:
        """Read the source again, or remove it."""
        source = (await _overview(self.services, request)).source
        if request.value("act") == "remove":
            await remove(self.services, source, request.agent.id)
            await ReadRequests(self.services).done(source.id)
            return DeskPageResult(redirect=PATH)
        await ReadRequests(self.services).ask(source.id)
        return DeskPageResult(redirect=f"{PATH}/{source.id}")


async def _overview(services: Services, request: DeskPageRequest) -> SourceOverview:
    for each in await source_overviews(services):
        if str(each.source.id) == request.path["id"] and request.agent.works_for(each.source.brand):
            return each
    raise NotFound("there is no such source for your brands")


async def _open_changes(services: Services) -> list[DocumentChange]:
    """Changes that nobody has settled, in order; a new document changes no answer."""
    found: list[DocumentChange] = []
    after = 0
    while changes := await knowledge_of(services).changes(after):
        found += [c for c in changes if c.kind != "added" and not c.settled_by]
        after = changes[-1].id
        del found[:-LOOK_BACK]
    return found


def _sentence(error: WarmlineError) -> str:
    text = str(error)
    return f"{text[:1].upper()}{text[1:]}" + ("" if text.endswith((".", "!", "?")) else ".")
