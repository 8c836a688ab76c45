"""How well messages are understood, on public data, side by side with plain ways to do it.

The data lie outside the project (``../shared/data``, or the folder that ``UNDERSTANDING_DATA``
names); what is not there is skipped by name. Few-shot figures are the mean of five draws of
examples. Run alone: ``python -m tests.bench.understanding [intents|emotion|language] ...``.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import resource
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from gateway import Emotion, Guess, Insight, Trainable, Turn, Understander
from gateway.services.evaluation import (
    Row,
    evaluate_emotion,
    evaluate_intents,
    evaluate_language,
    fresh_turn,
    read_rows,
)
from plugins.nlu_local import NluLocal
from plugins.nlu_local.language import LANGUAGES, LanguageTeller

FOLDER = Path(os.environ.get("UNDERSTANDING_DATA", "../shared/data"))
SEEDS = range(5)
WAITING = 32
Figures = dict[str, Any]

FEW_SHOT = (("banking77", 10), ("banking77", 5), ("clinc150", 10))
LANGUAGE_DATA = ("language_dev", "language_short_dev")


# -- plain ways ----------------------------------------------------------------------------------


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


# -- what is measured ----------------------------------------------------------------------------


def measure(parts: Iterable[str] = ("intents", "emotion", "language")) -> Iterator[Figures]:
    """A line for each data set and engine, or one that tells what was skipped and why."""
    by_name: dict[str, Callable[[], Iterator[Figures]]] = {
        "intents": intents,
        "emotion": emotion,
        "language": language,
    }
    for part in parts:
        yield from by_name[part]()


def intents() -> Iterator[Figures]:
    engines: list[Trainable] = [NluLocal(), PlainIntents()]
    for data, shots in FEW_SHOT:
        paths = [FOLDER / f"{data}_{part}.csv" for part in ("train", "dev")]
        if missing := _missing(paths):
            yield missing
            continue
        train, test = (read_rows(path, "intent") for path in paths)
        for engine in engines:
            told = [_few_shot(engine, draw(train, shots, seed), test) for seed in SEEDS]
            mean = {key: _mean([one[key] for one in told]) for key in told[0]}
            yield {"bench": "intents", "data": data, "shots": shots, **_by(engine), **mean}


def _few_shot(engine: Trainable, train: Sequence[Row], test: Sequence[Row]) -> Figures:
    told: Figures = dict(asyncio.run(evaluate_intents(engine, train, test)))
    told["cpu_ms_at_32"] = cpu_ms(engine.train(train), [text for text, _ in test])
    return told


def emotion() -> Iterator[Figures]:
    path = FOLDER / "airline_dev.csv"
    if missing := _missing([path]):
        yield missing
        return
    rows = read_rows(path, "needs_human", allowed=frozenset({"0", "1"}))
    for engine in (NluLocal(), Vader()):
        told: Figures = dict(asyncio.run(evaluate_emotion(engine, rows)))
        told["cpu_ms_at_32"] = cpu_ms(engine, [text for text, _ in rows[:2000]])
        yield {"bench": "emotion", "data": path.stem, **_by(engine), **told}


def language() -> Iterator[Figures]:
    for data in LANGUAGE_DATA:
        path = FOLDER / f"{data}.csv"
        if missing := _missing([path]):
            yield missing
            continue
        engine = NluLocal()
        rows = read_rows(path, "language")
        for name, given in ((data, rows), (f"{data}, dressed", dressed(rows))):
            told: Figures = dict(asyncio.run(evaluate_language(engine, given)))
            told["cpu_ms_at_32"] = language_ms([text for text, _ in given[:2000]])
            yield {"bench": "language", "data": name, **_by(engine), **told}


NAMES = (
    *("Sarah Thompson", "Jürgen Schäfer", "Amélie Lefèvre", "José Hernández", "Giulia Bianchi"),
    *("João Pereira", "Sanne de Vries", "Łukasz Wójcik", "Åsa Lindström", "Ayşe Yılmaz"),
    *("Ahmed Hassan", "Yuki Tanaka"),
)
DRESS: tuple[Callable[[random.Random], str], ...] = (
    lambda dice: f"#{dice.choice('ABMZ')}-{dice.randrange(10_000, 99_999)}",
    lambda dice: f"https://shop.example/track?id={dice.randrange(10_000)}",
    lambda dice: dice.choice("😀🙏😡📦❤🎉"),
    lambda dice: dice.choice(NAMES),
    lambda dice: f"mail{dice.randrange(100)}@example.org",
)


def dressed(rows: Sequence[Row], seed: int = 0) -> list[Row]:
    """Each row with two of: an order number, a link, an emoji, a person's name of any of the
    languages, a mail address; each between two of its words, or at an end."""
    dice = random.Random(seed)  # noqa: S311  (the same for everybody)
    found = []
    for text, label in rows:
        words = text.split()
        for dress in dice.sample(DRESS, 2):
            words.insert(dice.randint(0, len(words)), dress(dice))
        found.append((" ".join(words), label))
    return found


def language_ms(texts: Sequence[str]) -> float:
    """Milliseconds of processor time for a message's language alone, 32 at once."""
    teller = LanguageTeller(LANGUAGES, {})
    teller.tell_all(texts[:WAITING])
    began = time.process_time()
    for start in range(0, len(texts), WAITING):
        teller.tell_all(texts[start : start + WAITING])
    return (time.process_time() - began) * 1000 / len(texts)


def draw(rows: Sequence[Row], count: int, seed: int) -> list[Row]:
    """``count`` examples of each intent, as the data's README says."""
    dice = random.Random(seed)  # noqa: S311  (the same draw for everybody)
    names = sorted({intent for _, intent in rows})
    return [one for name in names for one in dice.sample([r for r in rows if r[1] == name], count)]


def cpu_ms(engine: Understander, texts: Sequence[str]) -> float:
    """Milliseconds of processor time for each message, asked 32 at once; loading is left out."""
    turns = [fresh_turn(text, datetime.now(UTC)) for text in texts]

    async def ask() -> float:
        await engine.understand(turns[:WAITING])
        began = time.process_time()
        for start in range(0, len(turns), WAITING):
            await engine.understand(turns[start : start + WAITING])
        return (time.process_time() - began) * 1000 / len(turns)

    return asyncio.run(ask())


def _mean(values: Sequence[float | None]) -> float | None:
    told = [value for value in values if value is not None]
    return float(np.mean(told)) if told else None


def _by(engine: Trainable | Understander) -> Figures:
    return {"engine": getattr(engine, "name", type(engine).__name__)}


def _missing(paths: Sequence[Path]) -> Figures | None:
    gone = [path.name for path in paths if not path.is_file()]
    return {"bench": "understanding", "skipped": f"{', '.join(gone)} not found"} if gone else None


def main() -> None:
    for line in measure(sys.argv[1:] or ("intents", "emotion", "language")):
        rounded = {k: round(v, 4) if isinstance(v, float) else v for k, v in line.items()}
        sys.stdout.write(json.dumps(rounded) + "\n")
        sys.stdout.flush()
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    sys.stderr.write(f"most memory: {most // 1024} MB, scikit-learn and the data included\n")


if __name__ == "__main__":
    main()
