"""What there is of each source, for lists."""

from __future__ import annotations

from gateway import KnowledgeSource, Services, Value
from plugins.knowledge.sources.checks import SourceCheck, SourceChecks
from plugins.knowledge.sources.refresh import knowledge_of


class SourceOverview(Value, frozen=True, kw_only=True):
    """A source with its numbers of documents and passages, and its last reading."""

    source: KnowledgeSource
    documents: int
    passages: int
    gone: int = 0
    check: SourceCheck | None = None

    @property
    def problem(self) -> str:
        """What people should look at; empty: nothing."""
        if self.check is None:
            return "" if self.source.checked_at else "it was never read to the end"
        return self.check.problem or self.check.cut_short


async def source_overviews(services: Services) -> tuple[SourceOverview, ...]:
    """All sources, in the order in which they were added."""
    store = knowledge_of(services)
    checks = await SourceChecks(services.storage).every()
    found = []
    for source in await store.sources():
        documents = await store.documents(source.id)
        current = [document for document in documents if document.state == "current"]
        found.append(
            SourceOverview(
                source=source,
                documents=len(current),
                passages=sum(document.passages for document in current),
                gone=len(documents) - len(current),
                check=checks.get(source.id),
            )
        )
    return tuple(found)
