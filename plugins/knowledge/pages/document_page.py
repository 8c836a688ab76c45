"""The page of one document: its passages, as answers are taken from them."""

from __future__ import annotations

from dataclasses import dataclass

from gateway import (
    DeskPageRequest,
    DeskPageResult,
    DeskRight,
    KnowledgeDocument,
    KnowledgeSource,
    NotFound,
    Services,
    SourceUse,
)
from plugins.knowledge.pages.html import SourceTemplates
from plugins.knowledge.sources.refresh import knowledge_of


@dataclass(kw_only=True)
class DocumentPage:
    """A document's passages, of its current version or an earlier one."""

    services: Services
    templates: SourceTemplates
    path: str = "/desk/sources/{source}/{document}"
    title: str = ""
    right: DeskRight = "see_all"

    async def show(self, request: DeskPageRequest) -> DeskPageResult:
        source, document = await self._document(request)
        asked = request.query.get("version", "")
        version = int(asked) if asked.isascii() and asked.isdigit() and len(asked) < 9 else 0
        version = version if 1 <= version <= document.version else document.version
        store = knowledge_of(self.services)
        uses = await store.uses(document.id, limit=20)
        chosen = next((use for use in uses if str(use.turn) == request.query.get("turn")), None)
        said = await self._said(request, chosen) if chosen else ""
        if chosen is not None:
            version = chosen.version
        return self.templates.page(
            request,
            "document.html",
            title=document.title,
            source=source,
            document=document,
            version=version,
            passages=await store.passages_of(document.id, version=version),
            uses=uses,
            chosen=chosen,
            used={use.passage for use in uses if chosen and use.turn == chosen.turn},
            said=said,
        )

    async def _said(self, request: DeskPageRequest, use: SourceUse) -> str:
        """The answer that was sent; empty where it is not for this person's brands."""
        cases = await self.services.records.cases_by_id([use.conversation])
        return "\n".join(
            message.text
            for case in cases
            if request.agent.works_for(case.conversation.brand)
            for message in case.messages
            if message.turn == use.turn and message.author == "bot"
        )

    async def _document(
        self, request: DeskPageRequest
    ) -> tuple[KnowledgeSource, KnowledgeDocument]:
        store = knowledge_of(self.services)
        for source in await store.sources():
            if str(source.id) != request.path["source"] or not request.agent.works_for(
                source.brand
            ):
                continue
            for document in await store.documents(source.id):
                if str(document.id) == request.path["document"]:
                    return source, document
        raise NotFound("there is no such document for your brands")
