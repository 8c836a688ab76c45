"""The order of the best passages, by more than the sum that found them.

What a question asks for and a passage gives (a duration, a price), which of its words no other
passage has, and what the adapter makes of it join the parts of the sum. The weights are those with
which the right passage is the likeliest of those found (a conditional logit), learnt from the
development questions in tests/knowledge. The numbers tell nothing of single documents.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from importlib.resources import files

import msgspec

from gateway import Value
from plugins.knowledge.answering.confidence import Weights
from plugins.knowledge.answering.features import FEATURES, EvidenceReader
from plugins.knowledge.retrieval import FoundPassage

from .index import Candidate

RANKED = 20
"""Passages that are put into order. Those behind them are seldom right, and each costs time."""
RANKING_FEATURES = (*FEATURES, "coverage", "alone", "plain", "plain_sentence")
"""The names of the numbers, in order."""


class RankingModel(Value, frozen=True, kw_only=True):
    """Weights of `RANKING_FEATURES` for passages in the language of the question and in another."""

    features: tuple[str, ...]
    same_language: Weights
    other_language: Weights
    learnt_from: str = ""


@cache
def packaged_ranking() -> RankingModel:
    """The model in ``ranking.json``."""
    text = (files(__package__) / "ranking.json").read_bytes()
    model = msgspec.json.decode(text, type=RankingModel)
    if model.features != RANKING_FEATURES:
        raise ValueError("ranking.json was made for other features; make it again")
    return model


def ranking_values(
    question: str,
    candidates: Sequence[Candidate],
    found: Sequence[FoundPassage],
    *,
    language: str = "",
) -> list[tuple[bool, tuple[float, ...]]]:
    """For the first `RANKED` of ``found``: whether it is in the language of the question, and the
    numbers of `RANKING_FEATURES`. ``candidates`` are the same passages in the same order. Empty
    where one of them has no cosine with the question as it stands."""
    return _rows(EvidenceReader(question, found, language=language), candidates)


def _rows(
    reader: EvidenceReader, candidates: Sequence[Candidate]
) -> list[tuple[bool, tuple[float, ...]]]:
    rows = []
    for at, candidate in enumerate(candidates[:RANKED]):
        if candidate.plain is None:
            return []
        seen = reader.of(at)
        more = (candidate.coverage, candidate.alone, *candidate.plain)
        rows.append((seen.same_language, (*seen.values, *more)))
    return rows


def rank(
    question: str,
    candidates: Sequence[Candidate],
    found: Sequence[FoundPassage],
    *,
    language: str = "",
    model: RankingModel,
) -> list[FoundPassage]:
    """``found`` with the first `RANKED` in the order of ``model``, with its scores; the others
    behind them, as they were. As it is where there is no adapter for the encoder."""
    reader = EvidenceReader(question, found, language=language)
    rows = _rows(reader, candidates)
    if not rows:
        return list(found)
    scored = [
        each.replace(
            score=(model.same_language if same else model.other_language).total(values),
            compared=reader.compared(at),
        )
        for at, (each, (same, values)) in enumerate(zip(found, rows, strict=False))
    ]
    scored.sort(key=lambda each: -each.score)
    least, last = scored[-1].score, found[len(rows) - 1].score
    rest = [each.replace(score=least + each.score - last) for each in found[len(rows) :]]
    return [*scored, *rest]
