"""Plain ways to do it, as most begin."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from gateway import Emotion, Guess, Insight, Turn
from gateway.ops.evaluation import Row


class PlainIntents:
    """TF-IDF of words and scikit-learn's logistic regression, as most begin."""

    name, priority = "tfidf_logreg", 1

    def __init__(self, pipeline: Any = None) -> None:
        self._pipeline = pipeline

    def train(self, rows: Sequence[Row]) -> PlainIntents:
        from sklearn.feature_extraction.text import TfidfVectorizer  # noqa: PLC0415  (slow)
        from sklearn.linear_model import LogisticRegression  # noqa: PLC0415  (slow to import)
        from sklearn.pipeline import FeatureUnion, make_pipeline  # noqa: PLC0415  (slow to import)

        words = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True)
        pieces = TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 4), sublinear_tf=True)
        both = FeatureUnion([("words", words), ("pieces", pieces)])
        made = make_pipeline(both, LogisticRegression(C=10, max_iter=300))
        return PlainIntents(made.fit([text for text, _ in rows], [label for _, label in rows]))

    async def understand(self, turns: Sequence[Turn]) -> Sequence[Insight]:
        shares = self._pipeline.predict_proba([turn.message.text for turn in turns])
        names = self._pipeline.classes_
        tops = zip(shares.argmax(axis=1), shares.max(axis=1), strict=True)
        return [
            Insight(ranking=(Guess(name=str(names[at]), confidence=float(sure)),))
            for at, sure in tops
        ]


class Vader:
    """VADER alone: the more negative, the more a person is needed."""

    name, priority = "vader", 1

    def __init__(self) -> None:
        from vaderSentiment.vaderSentiment import (  # noqa: PLC0415  (slow to import)
            SentimentIntensityAnalyzer,
        )

        self._vader = SentimentIntensityAnalyzer()

    async def understand(self, turns: Sequence[Turn]) -> Sequence[Insight]:
        return [Insight(emotion=Emotion(distress=self._of(turn.message.text))) for turn in turns]

    def _of(self, text: str) -> float:
        return (1 - float(self._vader.polarity_scores(text)["compound"])) / 2
