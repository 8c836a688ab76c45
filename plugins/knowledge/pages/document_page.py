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
        return self.templates.page(
            request,
            "document.html",
            title=document.title,
            source=source,
            document=document,
            version=version,
            passages=await store.passages_of(document.id, version=version),
            uses=await store.uses(document.id, limit=20),
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
