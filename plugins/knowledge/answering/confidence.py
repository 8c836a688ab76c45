"""How surely a passage answers a question: a logistic model over a few numbers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cache
from importlib.resources import files

import msgspec

from gateway import Value
from plugins.knowledge.answering.extracts import Extract, extract
from plugins.knowledge.answering.features import FEATURES, EvidenceReader, PassageEvidence
from plugins.knowledge.retrieval import FoundPassage

WEIGHED = 10
"""Passages whose confidence is computed."""


class Weights(Value, frozen=True, kw_only=True):
    """Weights of numbers such as `FEATURES`, each after ``(value - mean) / scale``, in their
    order."""

    intercept: float
    weights: tuple[float, ...]
    means: tuple[float, ...]
    scales: tuple[float, ...]

    def total(self, values: Sequence[float]) -> float:
        """The weighted sum of ``values``."""
        parts = zip(self.weights, values, self.means, self.scales, strict=True)
        return self.intercept + sum([w * (value - mean) / scale for w, value, mean, scale in parts])

    def probability(self, values: Sequence[float]) -> float:
        """0..1, of ``values``."""
        return 1 / (1 + math.exp(-max(-30.0, min(30.0, self.total(values)))))


class ConfidenceModel(Value, frozen=True, kw_only=True):
    """Two logistic models: for passages in the language of the question and in another one, where
    words can hardly be compared."""

    features: tuple[str, ...]
    same_language: Weights
    other_language: Weights
    threshold: float
    """From which confidence a question of another shop was answered alone within the share of
    wrong answers that is promised by default: no shop's own threshold is below it."""
    offer: float
    """The least confidence of a passage that is offered to choose from."""
    draft: float
    """The least confidence of a passage that an agent gets as a draft."""
    show: float
    """The least confidence of a passage that agents are shown."""
    learnt_from: str = ""

    def confidence(self, seen: PassageEvidence) -> float:
        """The probability, 0..1, that the passage answers."""
        model = self.same_language if seen.same_language else self.other_language
        return model.probability(seen.values)


@cache
def packaged_model() -> ConfidenceModel:
    """The model in ``model.json``. docs/answers-from-sources.md says what it learnt from."""
    text = (files(__package__) / "model.json").read_bytes()
    model = msgspec.json.decode(text, type=ConfidenceModel)
    if model.features != FEATURES:
        raise ValueError("model.json was made for other features; make it again")
    return model


class WeighedPassage(Value, frozen=True, kw_only=True):
    """A passage that may answer. ``said`` is what it would answer; None: it is too long for that.
    ``missing``: stems of the question that it lacks."""

    found: FoundPassage
    confidence: float
    said: Extract | None
    missing: tuple[str, ...] = ()


def weigh(
    question: str,
    found: Sequence[FoundPassage],
    *,
    language: str = "",
    model: ConfidenceModel | None = None,
) -> tuple[WeighedPassage, ...]:
    """The passages found with their confidence, the surest first."""
    model = model or packaged_model()
    reader = EvidenceReader(question, found, language=language)
    weighed = []
    for at, each in enumerate(found[:WEIGHED]):
        seen = reader.of(at)
        weighed.append(
            WeighedPassage(
                found=each,
                confidence=model.confidence(seen),
                said=extract(each),
                missing=seen.missing,
            )
        )
    return tuple(sorted(weighed, key=lambda candidate: -candidate.confidence))
