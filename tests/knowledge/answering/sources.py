"""A shop with sources, a retriever that counts shared words, and a confidence that follows them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

from gateway import (
    Handler,
    KnowledgeDocument,
    NewDocument,
    NewPassage,
    NewSource,
    Passage,
    Services,
    Settings,
    hookimpl,
)
from gateway.testing import RunningGateway
from plugins.knowledge.answering.calibrator import Calibrator
from plugins.knowledge.answering.confidence import ConfidenceModel, Weights
from plugins.knowledge.answering.extracts import sentence_spans
from plugins.knowledge.answering.features import FEATURES
from plugins.knowledge.answering.handler import SourceAnswers
from plugins.knowledge.answering.words import content_words
from plugins.knowledge.retrieval import FoundPassage
from tests.routing.dialogue import shop

UPDATED = datetime(2026, 3, 3, tzinfo=UTC)


class WordRetriever:
    """Finds passages by the words that they share with the question."""

    def __init__(self, services: Services) -> None:
        self._services = services

    async def find(
        self, question: str, *, language: str = "", brand: str = "", limit: int = 10
    ) -> Sequence[FoundPassage]:
        store = self._services.knowledge
        assert store is not None
        asked = set(content_words(question))
        passages = [p for p in await store.current_passages() if p.brand in ("", brand)]
        found = [_found(passage, asked) for passage in passages]
        ranked = sorted((f for f in found if f.score > 0), key=lambda each: -each.score)
        return ranked[:limit]


def _found(passage: Passage, asked: set[str]) -> FoundPassage:
    def shared(text: str) -> float:
        return len(asked & set(content_words(text))) / max(1, len(asked))

    whole = " ".join((passage.title, *passage.headings, passage.question, passage.text))
    sentences = [(a, b, shared(passage.text[a:b])) for a, b in sentence_spans(passage.text)]
    return FoundPassage(
        passage=passage,
        score=shared(whole),
        cosine=shared(whole),
        bm25=0.0,
        sentences=tuple(sorted(sentences, key=lambda each: -each[2])),
    )


def _weights(feature: str, intercept: float, weight: float) -> Weights:
    return Weights(
        intercept=intercept,
        weights=tuple(weight if name == feature else 0.0 for name in FEATURES),
        means=(0.0,) * len(FEATURES),
        scales=(1.0,) * len(FEATURES),
    )


SIMPLE = ConfidenceModel(
    features=FEATURES,
    same_language=_weights("shared_words", -4.0, 8.0),
    other_language=_weights("shared_words", -4.0, 8.0),
    threshold=0.8,
    offer=0.2,
    draft=0.4,
    show=0.1,
)
"""A confidence of 0.98 where a passage has all words of the question, and 0.5 where it has half."""


class SourcesPlugin:
    """Registers the handler under test."""

    def __init__(self) -> None:
        self.answers = SourceAnswers(
            retriever=WordRetriever,
            calibrator=Calibrator(wrong_at_most=0.05, model=SIMPLE),
            model=SIMPLE,
        )

    @hookimpl
    def register_handlers(self, register: Callable[[Handler], None], settings: Settings) -> None:
        register(self.answers)


class SourceShop:
    """A running shop and its sources."""

    def __init__(self, gw: RunningGateway, answers: SourceAnswers) -> None:
        self.gw, self.answers = gw, answers
        self._sources: dict[str, int] = {}

    async def put(
        self,
        title: str,
        *passages: NewPassage,
        language: str = "en",
        brand: str = "",
        location: str = "",
    ) -> KnowledgeDocument:
        """Store a document with ``passages``; the same title again is a new version."""
        store = self.gw.services.knowledge
        assert store is not None
        if brand not in self._sources:
            made = await store.add_source(
                NewSource(location=f"https://{brand}.example", brand=brand)
            )
            self._sources[brand] = made.id
        words = repr(passages).encode()
        document = NewDocument(
            location=location or f"https://help.example/{title.replace(' ', '-').lower()}",
            title=title,
            language=language,
            digest=sha256(words).hexdigest(),
            passages=passages,
            updated_at=UPDATED,
        )
        return await store.put_document(self._sources[brand], document)


@asynccontextmanager
async def shop_with_sources(
    tmp_path: Path, *more: Any, **settings: Any
) -> AsyncIterator[SourceShop]:
    """A shop whose engine and handler are those of `tests.routing.dialogue`."""
    plugin = SourcesPlugin()
    async with shop(tmp_path, plugin, *more, **settings) as gw:
        yield SourceShop(gw, plugin.answers)


def text(words: str, *headings: str) -> NewPassage:
    """A passage of plain text."""
    return NewPassage(text=words, headings=headings)
