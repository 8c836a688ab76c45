"""What the search has learnt. ``make train-search`` makes ``adapter.npz`` and ``ranking.json``.

``python -m tests.bench.knowledge.training`` measures the order of passages on the questions about
each help centre, with weights that are set on those about all others; ``--fit`` writes both files.

The adapter (see `Adapter`): of each row in ``training/*.csv`` the three questions (in ordinary
words, in words that the answer does not have, in another language) are moved towards the answer
after its title, and away from all other answers, with a strong pull towards no move at all. With
less of that the map learns the rows by heart. Nothing in these rows is about the test help centre.

The ranking (see `plugins.knowledge.search.ranking`): a conditional logit over the passages found.
"""

from __future__ import annotations

import argparse
import asyncio
import csv
import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

import plugins.knowledge.search as package
from gateway.testing import FakeClock, MemoryKnowledge
from plugins.knowledge.answering.confidence import Weights
from plugins.knowledge.search import PassageSearch
from plugins.knowledge.search.meaning import ADAPTER_FILE, CentredEncoder
from plugins.knowledge.search.ranking import (
    RANKED,
    RANKING_FEATURES,
    RankingModel,
    ranking_values,
)
from plugins.knowledge.search.rows import Floats
from tests.knowledge.search.scoring import Packaged, packaged_search
from tests.knowledge.search.shop import HELP_CENTRES, Asked, HelpCentre, asked, fill, is_lifelike

ROWS = Path(__file__).parent / "training"
DELIMITER = "|"
STEPS, RATE, TEMPERATURE = 120, 2e-3, 0.05
PULL = 0.03
"""How strongly the map is held back, chosen on the development questions."""
RANK = 64
BATCH = 64
FOLDS = 5
STRENGTH, OTHER_STRENGTH = 10.0, 30.0
"""How strongly the weights of the ranking are held back, and what passages in another language have
beside those."""


class TrainingRow(NamedTuple):
    """An answer below its title, and three ways to ask for it."""

    language: str
    title: str
    answer: str
    question: str
    other_words: str
    other_language: str
    translated: str


def sources(folder: Path = ROWS) -> dict[str, str]:
    """The digests of the files of rows: the adapter keeps those that it has learnt from."""
    files = sorted(folder.glob("*.csv"))
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def read_rows(folder: Path = ROWS) -> list[TrainingRow]:
    """The rows of all files, in the order of their names."""
    found: list[TrainingRow] = []
    for path in sorted(folder.glob("*.csv")):
        with path.open(encoding="utf-8", newline="") as file:
            rows = csv.DictReader(file, delimiter=DELIMITER)
            found += [TrainingRow(*(row[name] for name in TrainingRow._fields)) for row in rows]
    return found


async def adapter(rows: Sequence[TrainingRow]) -> dict[str, Any]:
    """The arrays of the adapter."""
    meaning = await CentredEncoder.of(Packaged())
    texts = [text for row in rows for text in (row.question, row.other_words, row.translated)]
    titled = [f"{row.title}: {row.answer}" for row in rows]
    questions = np.concatenate([(await meaning.of_question(t, ()))[0] for t in _batches(texts)])
    answers = np.concatenate([await meaning.of_sentences(t) for t in _batches(titled)])
    found = fitted_map(questions, answers, np.repeat(np.arange(len(rows)), 3))
    left, sizes, right = np.linalg.svd(found, full_matrices=False)
    root = np.sqrt(sizes[:RANK])
    return {
        "down": (left[:, :RANK] * root).astype(np.float16),
        "up": (right[:RANK] * root[:, None]).astype(np.float16),
        "sources": np.frombuffer(json.dumps(sources()).encode(), np.uint8),
    }


def fitted_map(questions: Floats, answers: Floats, right: NDArray[np.intp]) -> Floats:
    """The map M of questions q + q M; ``right`` is the number of each question's answer. Adam, on
    all questions at once."""
    rows = np.arange(len(questions))
    found = np.zeros((questions.shape[1],) * 2, np.float32)
    first, second = np.zeros_like(found), np.zeros_like(found)
    for step in range(1, STEPS + 1):
        moved = questions + questions @ found
        norms = np.linalg.norm(moved, axis=1, keepdims=True)
        moved = moved / norms
        odds = moved @ answers.T / TEMPERATURE
        shares = np.exp(odds - odds.max(axis=1, keepdims=True))
        shares /= shares.sum(axis=1, keepdims=True)
        shares[rows, right] -= 1
        back = (shares / (TEMPERATURE * len(rows))) @ answers
        back = (back - moved * (back * moved).sum(axis=1, keepdims=True)) / norms
        slope = questions.T @ back + PULL * found
        first = 0.9 * first + 0.1 * slope
        second = 0.99 * second + 0.01 * slope**2
        size = np.sqrt(second / (1 - 0.99**step)) + 1e-8
        found = found - RATE / (1 - 0.9**step) * first / size
    return np.asarray(found, np.float32)


def _batches(texts: Sequence[str]) -> Iterable[Sequence[str]]:
    return (texts[at : at + BATCH] for at in range(0, len(texts), BATCH))


class FoundPassages(NamedTuple):
    """What was found for a question before it was put into order: for each passage whether it is in
    the language of the question, its numbers, and whether it is right."""

    same: NDArray[np.bool_]
    values: NDArray[np.float64]
    right: NDArray[np.bool_]


async def found_for(search: PassageSearch, questions: Sequence[Asked]) -> list[FoundPassages]:
    """What ``search`` finds for each question."""
    found = []
    for each in questions:
        candidates, passages = await search.candidates(each.question, language=each.language)
        rows = ranking_values(each.question, candidates, passages, language=each.language)
        right = [each.is_answered_by(one.passage) for one in passages[:RANKED]]
        found.append(
            FoundPassages(
                np.array([same for same, _ in rows]),
                np.array([values for _, values in rows]),
                np.array(right),
            )
        )
    return found


def fit(found: Sequence[FoundPassages]) -> RankingModel:
    """The weights with which the right passage is the likeliest."""
    useful = [each for each in found if each.right.any() and not each.right.all()]
    values = np.concatenate([each.values for each in useful])
    means, scales = values.mean(axis=0), values.std(axis=0)
    scales[scales < 1e-6] = 1.0
    other = ~np.concatenate([each.same for each in useful])
    plain = np.hstack([(values - means) / scales, np.ones((len(values), 1))])
    both = np.hstack([plain, plain * other[:, None]])
    right = np.concatenate([each.right for each in useful])
    sizes = [len(each.right) for each in useful]
    starts, owners = np.cumsum([0, *sizes])[:-1], np.repeat(np.arange(len(sizes)), sizes)
    held = np.repeat([STRENGTH, OTHER_STRENGTH], plain.shape[1])

    def loss(weights: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        odds = both @ weights
        shares = np.exp(odds - np.maximum.reduceat(odds, starts)[owners])
        whole = np.add.reduceat(shares, starts)
        hit = np.maximum(np.add.reduceat(shares * right, starts), 1e-20)
        slope = both.T @ (shares / whole[owners] - shares * right / hit[owners])
        value = np.log(whole / hit).sum() + 0.5 * (held * weights**2).sum()
        return float(value), slope + held * weights

    weights = minimize(
        loss, np.zeros(both.shape[1]), jac=True, method="L-BFGS-B", options={"maxiter": 200}
    ).x
    same, more = np.split(weights, 2)
    return RankingModel(
        features=RANKING_FEATURES,
        same_language=_weights(same, means, scales),
        other_language=_weights(same + more, means, scales),
        learnt_from=f"{len(found)} questions about the help centres in tests/knowledge",
    )


def _weights(
    values: NDArray[np.float64], means: NDArray[np.float64], scales: NDArray[np.float64]
) -> Weights:
    def rounded(numbers: NDArray[np.float64]) -> tuple[float, ...]:
        return tuple(round(float(number), 4) for number in numbers)

    return Weights(
        intercept=round(float(values[-1]), 4),
        weights=rounded(values[:-1]),
        means=rounded(means),
        scales=rounded(scales),
    )


def place(model: RankingModel | None, found: FoundPassages) -> int:
    """How many passages come before the right one; without a model, as they were found."""
    if not found.right.any():
        return RANKED
    if model is None:
        return int(np.argmax(found.right))
    scores = np.array(
        [
            (model.same_language if same else model.other_language).total(values.tolist())
            for same, values in zip(found.same, found.values, strict=True)
        ]
    )
    return int((scores > scores[found.right].max()).sum())


def shares(questions: Sequence[Asked], places: Sequence[int]) -> dict[str, str]:
    """By style, the lifelike ones apart: the shares of questions whose right passage is first, and
    among three."""
    at: dict[str, list[int]] = {}
    for place, each in zip(places, questions, strict=True):
        style = f"lifelike {each.style}" if is_lifelike(each.question) else each.style
        at.setdefault(style, []).append(place)
    return {
        style: f"{np.mean([p < 1 for p in own]):.3f} {np.mean([p < 3 for p in own]):.3f}"
        for style, own in at.items()
    }


async def searched(centre: HelpCentre) -> tuple[MemoryKnowledge, PassageSearch]:
    """The pages of a help centre, searched as in a gateway."""
    clock = FakeClock()
    store = MemoryKnowledge(clock)
    await fill(store, centre)
    return store, await packaged_search(store, clock)


async def found_everywhere() -> dict[HelpCentre, list[FoundPassages]]:
    """What is found for the answerable questions about each help centre."""
    return {
        centre: await found_for((await searched(centre))[1], asked(centre))
        for centre in HELP_CENTRES
    }


class FoldedRanking:
    """Models that each know no question about some of the pages."""

    def __init__(self, found: Mapping[HelpCentre, Sequence[FoundPassages]], seed: int) -> None:
        pairs = [
            pair for centre, rows in found.items() for pair in zip(asked(centre), rows, strict=True)
        ]
        files = sorted({each.file for each, _ in pairs})
        order = np.random.default_rng(seed).permutation(len(files))
        self._fold = {files[at]: number % FOLDS for number, at in enumerate(order)}
        self._models = [
            fit([seen for each, seen in pairs if self._fold[each.file] != fold])
            for fold in range(FOLDS)
        ]

    def about(self, file: str) -> RankingModel:
        """The one that knows no question about ``file``; any of them for no file."""
        return self._models[self._fold.get(file, 0)]


def model_of_others(
    found: Mapping[HelpCentre, Sequence[FoundPassages]], centre: HelpCentre
) -> RankingModel:
    """One that knows no question about ``centre``."""
    return fit([each for other, rows in found.items() if other != centre for each in rows])


async def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--fit", action="store_true")
    options = parser.parse_args()
    folder = Path(package.__file__).parent
    if options.fit:
        arrays = await adapter(read_rows())
        np.savez_compressed(folder / ADAPTER_FILE, allow_pickle=False, **arrays)
    found = await found_everywhere()
    for centre, rows in found.items():
        questions, model = asked(centre), model_of_others(found, centre)
        figures = {
            "as found": shares(questions, [place(None, each) for each in rows]),
            "in order": shares(questions, [place(model, each) for each in rows]),
        }
        print(json.dumps({centre.folder.name: figures}))  # noqa: T201
    if options.fit:
        model = fit([each for rows in found.values() for each in rows])
        text = json.dumps(msgspec.to_builtins(model), indent=1)
        (folder / "ranking.json").write_text(f"{text}\n", "utf-8")


if __name__ == "__main__":
    asyncio.run(main())
