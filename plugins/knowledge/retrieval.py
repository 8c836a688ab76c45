"""Finding the passages that answer a question: what the parts of this plugin agree on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from gateway import Passage, Value


class FoundPassage(Value, frozen=True, kw_only=True):
    """A passage that may answer a question."""

    passage: Passage
    score: float
    """Comparable between the passages of one question, and higher for better ones. It is no
    probability."""
    cosine: float
    """Of question and passage, -1 to 1, after what all questions, and all passages, have in common
    was subtracted (see docs/retrieval.md); 0 without an encoder. Unrelated texts are near 0."""
    bm25: float
    """Raw, 0 and more, of the words that question and passage share exactly."""
    matters: float = 0.0
    """The share, 0 to 1, of the question's matters (`plugins.knowledge.answering.words`) that the
    passage is about, weighted by how rare each is."""
    topics: float = 0.0
    """The same, of its title and headings."""
    sentences: tuple[tuple[int, int, float], ...] = ()
    """The sentences of the passage that answer best, best first: where they begin and end in its
    text, and the cosine of the question with the title and the sentence, as ``cosine``."""
    compared: tuple[float, ...] | None = None
    """What the order of the passages has read in it of the question, for the confidence; None: it
    is read then."""


class Retriever(Protocol):
    """Finds passages among those that are current."""

    async def find(
        self, question: str, *, language: str = "", brand: str = "", limit: int = 10
    ) -> Sequence[FoundPassage]:
        """The best passages for ``question``, best first, of ``brand`` and of no brand, in any
        language. Empty while there are no sources. Raises WarmlineError when the encoder fails."""
        ...
