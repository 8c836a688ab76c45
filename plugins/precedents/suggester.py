"""Drafts the answer of the resolved conversation that is most similar to the current one."""

from __future__ import annotations

import asyncio
import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from gateway import (
    Fact,
    PastAnswer,
    Records,
    Reply,
    Services,
    Turn,
    common_words,
    mask_text,
    share_kept,
)

RECENT = 3
"""Earlier messages of the customer that are compared, beside the current one."""
LEAST_KEPT = 0.6
"""An answer is offered only when masking leaves at least this share of its words."""
STEM = 5
"""Letters that stand for a word: enough to tell words apart and to join their forms."""
SHARED = 2
"""Stems that two texts must have in common to be similar at all."""
_WORD = re.compile(r"[^\W\d_]{2,}")


class TextSimilarity:
    """Compares a text with ``texts``: the cosine of their tf-idf vectors over word stems."""

    def __init__(self, texts: Sequence[str]) -> None:
        stems = [_stems(text) for text in texts]
        frequency = Counter(stem for found in stems for stem in found)
        self._idf = {stem: math.log(1 + len(texts) / count) for stem, count in frequency.items()}
        self._unknown = math.log(1 + len(texts)) if texts else 0.0
        self._vectors = [self._vector(found) for found in stems]

    def scores(self, text: str) -> list[float]:
        """How similar ``text`` is to each of the texts, 0..1."""
        query = self._vector(_stems(text))
        return [_cosine(query, vector) for vector in self._vectors]

    def _vector(self, stems: set[str]) -> Mapping[str, float]:
        weights = {stem: self._idf.get(stem, self._unknown) for stem in stems}
        size = math.sqrt(sum(weight * weight for weight in weights.values())) or 1.0
        return {stem: weight / size for stem, weight in weights.items()}


class PrecedentIndex:
    """The precedents of one language."""

    def __init__(self, precedents: Sequence[PastAnswer]) -> None:
        self._precedents = tuple(precedents)
        self._similarity = TextSimilarity([precedent.asked for precedent in precedents])
        self._common = common_words((p.customer, p.said) for p in precedents)

    def nearest(self, text: str, conversation: int, *, least: float) -> tuple[str, int] | None:
        """The masked answer to the most similar question and its conversation's id; None when the
        similarity of all but ``conversation`` is below ``least`` (0..1)."""
        scores = self._similarity.scores(text)
        ranked = sorted(zip(scores, self._precedents, strict=True), key=lambda pair: -pair[0])
        for score, precedent in ranked:
            if score < least:
                return None
            answer = mask_text(precedent.said, precedent.names, self._common)
            if precedent.conversation != conversation and share_kept(answer) >= LEAST_KEPT:
                return answer, precedent.conversation
        return None


@dataclass(kw_only=True, eq=False)
class PrecedentSuggester:
    """Drafts what a person answered before; never writes to customers.

    Looks back at ``most`` conversations of the last ``days``, and reads them again after
    ``look_every`` seconds; ``alike``: least similarity of the questions, 0..1. Implements
    `Handler`, `Suggester` and `NeedsServices`.
    """

    name = "precedents"
    priority = 70
    most: int
    days: int
    alike: float
    look_every: float
    _records: Records | None = field(default=None, init=False)
    _read_at: datetime | None = field(default=None, init=False)
    _indexes: dict[tuple[str, str], PrecedentIndex] = field(default_factory=dict, init=False)
    """By brand and language: no brand learns what another one's agents wrote."""
    _reading: asyncio.Lock = field(default_factory=asyncio.Lock, init=False)

    def use_services(self, services: Services) -> None:
        """See `NeedsServices`."""
        self._records = services.records

    async def handle(self, turn: Turn) -> Reply | None:  # noqa: ARG002  (part of Handler)
        """Never answers."""
        return None

    async def suggest(self, turn: Turn) -> Reply | None:
        """The draft, with its source."""
        if turn.kind != "message":
            return None
        await self._refresh(turn.at)
        index = self._indexes.get((turn.conversation.brand, turn.language))
        if index is None:
            return None
        earlier = [m.text for m in turn.history if m.author == "customer" and not m.internal]
        text = " ".join((*earlier[-RECENT:], turn.message.text))
        found = await asyncio.to_thread(index.nearest, text, turn.conversation.id, least=self.alike)
        if found is None:
            return None
        answer, conversation = found
        source = Fact(name="source", value=f"conversation {conversation}")
        return Reply(opener="", body=(answer,), facts=(source,), language=turn.language)

    async def _refresh(self, now: datetime) -> None:
        """Read the records again if the last time is long enough ago; others wait meanwhile."""
        async with self._reading:
            recent = self._read_at and now - self._read_at < timedelta(seconds=self.look_every)
            if recent or self._records is None:
                return
            since = now - timedelta(days=self.days)
            found = await self._records.answered(since=since, limit=self.most)
            self._indexes = await asyncio.to_thread(_indexes, found)
            self._read_at = now


def _indexes(precedents: Sequence[PastAnswer]) -> dict[tuple[str, str], PrecedentIndex]:
    grouped: dict[tuple[str, str], list[PastAnswer]] = {}
    for precedent in precedents:
        grouped.setdefault((precedent.brand, precedent.language), []).append(precedent)
    return {key: PrecedentIndex(found) for key, found in grouped.items()}


def _stems(text: str) -> set[str]:
    return {word.casefold()[:STEM] for word in _WORD.findall(text)}


def _cosine(first: Mapping[str, float], second: Mapping[str, float]) -> float:
    shared = first.keys() & second.keys()
    return sum(first[stem] * second[stem] for stem in shared) if len(shared) >= SHARED else 0.0
