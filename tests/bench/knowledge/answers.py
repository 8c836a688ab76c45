"""How good answers from sources are, and the model that they rest on.

``python -m tests.bench.knowledge.answers`` measures on the development questions about all help
centres: threshold and weights are set on other documents than those of the questions that they are
applied to. For ``new trade`` the weights are set on other help centres; the order of the passages
knows other pages of the trade, and the threshold is that of all questions. ``--fit`` also writes
``model.json`` from all of them. ``--score FILE`` scores the packaged model on the questions of a
file that nothing was set on.
"""

from __future__ import annotations

import argparse
import asyncio
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

import plugins.knowledge.answering as package
from gateway import Passage
from plugins.knowledge.answering.calibration import Calibration, calibrate
from plugins.knowledge.answering.calibration import Trial as CalibrationTrial
from plugins.knowledge.answering.confidence import WEIGHED, packaged_model, weigh
from plugins.knowledge.answering.extracts import extract
from plugins.knowledge.answering.features import FEATURES, EvidenceReader
from plugins.knowledge.answering.generated import all_passages, questions_from, try_questions
from plugins.knowledge.answering.words import numbers
from plugins.knowledge.search.ranking import rank
from tests.bench.knowledge.training import FoldedRanking, found_everywhere, searched
from tests.knowledge.search.shop import (
    HELP_CENTRES,
    MUSIC,
    HelpCentre,
    is_lifelike,
    translations,
)

FOLDS, SEEDS = 10, (0, 1, 2)
STRENGTH = 0.05
"""Of the weights: the inverse of scikit-learn's regularisation."""
WRONG = 0.07
"""Of what is sent alone: the acceptance is a precision of 0.93."""
LONG_FRAGMENT = 12
"""Letters of an answer that no other passage has by chance."""
LIFELIKE_COUNTS = 2
"""How much a question counts that was asked by somebody who never saw the pages."""
OFFER, SHOW = 0.05, 0.02
DRAFT = 0.3
"""Of lifelike questions half of the best passages above it answer, and one in seven below it."""


class Row(NamedTuple):
    """A question of a file; ``file`` is empty for one that no source answers."""

    question: str
    language: str
    file: str
    fragment: str
    style: str


class Candidate(NamedTuple):
    """A passage found: its numbers, whether what would be said is right, and the passage; and how
    much it counts."""

    values: tuple[float, ...]
    same_language: bool
    said: bool
    right: bool
    has: bool
    counts: int = 1


def rows_of(centre: HelpCentre) -> list[Row]:
    return [Row(*(row[name] for name in Row._fields)) for row in centre.rows()]


def is_right(row: Row, passage: Passage, said: str | None, same: dict[str, set[str]]) -> bool:
    """Whether ``said`` has the right words of the right page, or the right numbers of the page
    that says the same in another language."""
    if not row.file or said is None:
        return False
    file = passage.location.partition("#")[0]
    fragment, words = _plain(row.fragment), _plain(said)
    other = file in same.get(row.file, ())
    if fragment in words:
        return file == row.file or other or len(fragment) >= LONG_FRAGMENT
    return other and bool(numbers(fragment)) and numbers(fragment) <= numbers(words)


def _plain(text: str) -> str:
    return " ".join(text.split()).casefold()


class Tried(NamedTuple):
    """A question about a help centre, and what was found for it."""

    centre: str
    row: Row
    candidates: Sequence[Candidate]

    @property
    def lifelike(self) -> bool:
        return is_lifelike(self.row.question)


async def tried_everywhere() -> list[Tried]:
    """All questions, with passages in the order of a model that knows no question about their
    document."""
    folded = FoldedRanking(await found_everywhere(), seed=0)
    same = translations()
    return [tried for centre in HELP_CENTRES for tried in await _tried(centre, folded, same)]


async def _tried(
    centre: HelpCentre, folded: FoldedRanking, same: dict[str, set[str]]
) -> list[Tried]:
    _, search = await searched(centre)
    found = []
    for row in rows_of(centre):
        places, unordered = await search.candidates(row.question, language=row.language)
        passages = rank(
            row.question,
            places,
            unordered,
            language=row.language,
            model=folded.about(row.file),
        )[:WEIGHED]
        reader, candidates = EvidenceReader(row.question, passages, language=row.language), []
        for at, each in enumerate(passages):
            seen = reader.of(at)
            said = extract(each)
            text = said.text if said else None
            whole = "\n".join((*each.passage.headings, each.passage.text))
            candidates.append(
                Candidate(
                    values=seen.values,
                    same_language=seen.same_language,
                    said=said is not None,
                    right=is_right(row, each.passage, text, same),
                    has=is_right(row, each.passage, whole, same),
                    counts=LIFELIKE_COUNTS if is_lifelike(row.question) else 1,
                )
            )
        found.append(Tried(centre.folder.name, row, candidates))
    return found


class Fitted(NamedTuple):
    """A logistic model: intercept, weights, means and scales."""

    intercept: float
    weights: NDArray[np.float64]
    means: NDArray[np.float64]
    scales: NDArray[np.float64]

    def of(self, values: Sequence[float]) -> float:
        total = self.intercept + ((np.array(values) - self.means) / self.scales) @ self.weights
        return float(1 / (1 + np.exp(-total)))


def fit(candidates: Iterable[Candidate]) -> Fitted:
    known = list(candidates)
    x, y = np.array([c.values for c in known]), np.array([c.has for c in known])
    means, scales = x.mean(0), x.std(0)
    scales[scales < 1e-6] = 1.0
    counts = [c.counts for c in known]
    model = LogisticRegression(C=STRENGTH, max_iter=3_000).fit((x - means) / scales, y, counts)
    return Fitted(float(model.intercept_[0]), model.coef_[0], means, scales)


def both(tried: Iterable[Tried]) -> dict[bool, Fitted]:
    every = [candidate for each in tried for candidate in each.candidates]
    return {same: fit(c for c in every if c.same_language == same) for same in (True, False)}


class Outcome(NamedTuple):
    """What would become of a question."""

    confidence: float
    right: bool
    in_three: bool


def outcome(models: dict[bool, Fitted], candidates: Sequence[Candidate]) -> Outcome:
    scored = [(models[c.same_language].of(c.values), c) for c in candidates]
    scored.sort(key=lambda pair: -pair[0])
    if not scored:
        return Outcome(0.0, right=False, in_three=False)
    best, candidate = scored[0]
    offered = any(c.has for score, c in scored[:3] if score >= OFFER)
    return Outcome(best if candidate.said else 0.0, right=candidate.right, in_three=offered)


def folds_of(rows: Sequence[Row], seed: int) -> NDArray[np.intp]:
    """The fold of each question: questions about one document are in one."""
    rng = np.random.default_rng(seed)
    files = sorted({row.file for row in rows if row.file})
    by_file = {files[at]: place % FOLDS for place, at in enumerate(rng.permutation(len(files)))}
    rest = iter(rng.permutation(len(rows)))
    return np.array([by_file[r.file] if r.file else next(rest) % FOLDS for r in rows])


def in_fold(folds: NDArray[np.intp], fold: int) -> list[int]:
    return [int(i) for i in np.flatnonzero(folds == fold)]


def measure(tried: Sequence[Tried], seed: int) -> dict[str, dict[str, float]]:
    """The figures of each set of questions apart."""
    folds = folds_of([each.row for each in tried], seed)
    outcomes: dict[int, Outcome] = {}
    for fold in range(FOLDS):
        models = both(each for at, each in enumerate(tried) if folds[at] != fold)
        outcomes |= {i: outcome(models, tried[i].candidates) for i in in_fold(folds, fold)}
    sent = set[int]()
    for fold in range(FOLDS):
        least = threshold((tried[i], outcomes[i]) for i in outcomes if folds[i] != fold)
        sent |= {i for i in in_fold(folds, fold) if outcomes[i].confidence >= least}
    music = [i for i, each in enumerate(tried) if each.centre == MUSIC.folder.name]
    sets = {
        "readers of the pages": [i for i in music if not tried[i].lifelike],
        "lifelike": [i for i in music if tried[i].lifelike],
        "other trades": [i for i in outcomes if i not in set(music)],
    }
    measured = {name: _figures(tried, own, outcomes, sent) for name, own in sets.items()}
    least = threshold((tried[i], each) for i, each in outcomes.items())
    new = _in_a_new_trade(tried, [i for i in outcomes if i not in set(music)], least)
    return measured | {"new trade": new, "all": {"threshold": least}}


def _in_a_new_trade(tried: Sequence[Tried], own: Sequence[int], least: float) -> dict[str, float]:
    """The figures of the questions about each trade with weights that know none about it."""
    outcomes = {}
    for centre in {tried[i].centre for i in own}:
        models = both(each for each in tried if each.centre != centre)
        asked = [i for i in own if tried[i].centre == centre]
        outcomes |= {i: outcome(models, tried[i].candidates) for i in asked}
    sent = {i for i, each in outcomes.items() if each.confidence >= least}
    return _figures(tried, own, outcomes, sent)


def _figures(
    tried: Sequence[Tried], own: Sequence[int], outcomes: dict[int, Outcome], sent: set[int]
) -> dict[str, float]:
    seen = {at: outcomes[i] for at, i in enumerate(own)}
    chosen = {at for at, i in enumerate(own) if i in sent}
    return figures([tried[i].row for i in own], seen, chosen)


def threshold(outcomes: Iterable[tuple[Tried, Outcome]]) -> float:
    """The lowest confidence from which at most `WRONG` of the answers are wrong, where a lifelike
    question counts as `LIFELIKE_COUNTS`."""
    trials = [
        CalibrationTrial(confidence=each.confidence, right=each.right)
        for tried, each in outcomes
        for _ in range(LIFELIKE_COUNTS if tried.lifelike else 1)
    ]
    made: Calibration = calibrate(trials, wrong_at_most=WRONG, least=0.0, conservative=1.0)
    return made.threshold


def figures(rows: Sequence[Row], outcomes: dict[int, Outcome], sent: set[int]) -> dict[str, float]:
    answerable = [i for i, row in enumerate(rows) if row.file]
    right = [i for i in sent if outcomes[i].right]
    helped = [i for i in answerable if i in right or (i not in sent and outcomes[i].in_three)]
    return {
        "questions": len(rows),
        "answerable": len(answerable),
        "sent": len(sent),
        "wrong": len(sent) - len(right),
        "wrong_unanswerable": sum(not rows[i].file for i in sent),
        "precision": len(right) / max(1, len(sent)),
        "answered": len([i for i in right if rows[i].file]) / len(answerable),
        "answered_or_offered": len(helped) / len(answerable),
    }


async def score(centre: HelpCentre) -> None:
    """The packaged model and threshold on the questions about ``centre``."""
    store, search = await searched(centre)
    rows, same, model = rows_of(centre), translations(), packaged_model()
    made = questions_from(await all_passages(store))
    trials = [trial async for trial in try_questions(search, made, model)]
    own = calibrate(trials, wrong_at_most=0.05, least=model.threshold)
    print(json.dumps({"help centre": centre.folder.name, "shop": own.sentence()}))  # noqa: T201
    outcomes: dict[int, Outcome] = {}
    for at, row in enumerate(rows):
        passages = await search.find(row.question, language=row.language, limit=WEIGHED)
        weighed = weigh(row.question, passages, language=row.language)
        has = [
            is_right(
                row,
                c.found.passage,
                "\n".join((*c.found.passage.headings, c.found.passage.text)),
                same,
            )
            for c in weighed
        ]
        best = weighed[0] if weighed else None
        text = best.said.text if best and best.said else None
        outcomes[at] = Outcome(
            best.confidence if best and best.said else 0.0,
            right=best is not None and is_right(row, best.found.passage, text, same),
            in_three=any(
                h
                for h, c in list(zip(has, weighed, strict=True))[:3]
                if c.confidence >= model.offer
            ),
        )
    for name, least in (("packaged", model.threshold), ("shop", own.threshold)):
        sent = {at for at, each in outcomes.items() if each.confidence >= least}
        print(json.dumps({"threshold": name, "at": least, **figures(rows, outcomes, sent)}))  # noqa: T201


def written(models: dict[bool, Fitted], least: float, questions: int) -> str:
    def weights(fitted: Fitted) -> dict[str, object]:
        lists = {"weights": fitted.weights, "means": fitted.means, "scales": fitted.scales}
        return {"intercept": round(fitted.intercept, 4)} | {
            name: [round(float(value), 4) for value in values] for name, values in lists.items()
        }

    model = {
        "features": list(FEATURES),
        "same_language": weights(models[True]),
        "other_language": weights(models[False]),
        "threshold": round(least, 3),
        "offer": OFFER,
        "draft": DRAFT,
        "show": SHOW,
        "learnt_from": f"{questions} questions about the help centres in tests/knowledge",
    }
    return json.dumps(model, indent=1) + "\n"


async def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--fit", action="store_true")
    parser.add_argument("--score", type=Path)
    options = parser.parse_args()
    if options.score:
        await score(MUSIC._replace(questions=(options.score,)))
        return
    tried = await tried_everywhere()
    measured = [measure(tried, seed) for seed in SEEDS]
    for each in measured:
        for name, values in each.items():
            print(json.dumps({name: {key: round(v, 3) for key, v in values.items()}}))  # noqa: T201
    if options.fit:
        least = float(np.mean([each["all"]["threshold"] for each in measured]))
        path = Path(package.__file__).parent / "model.json"
        path.write_text(written(both(tried), least, len(tried)), "utf-8")


if __name__ == "__main__":
    asyncio.run(main())
