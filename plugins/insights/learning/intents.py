"""What more examples do to the recognition of intents: trained with and without, on held-out rows.

The shop's own examples are held out in turn (cross-validation, stratified by intent); rows that
people labelled in reviews are never trained with. A row is *right* when its intent is found with
enough confidence to be answered, *wrong* when another one is, and *refused* when none is: then the
bot asks back or hands over.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Literal, get_args

from gateway import IntentPrediction, TrialTrainer, Value, counted
from plugins.insights.learning.model import EvaluationVerdict, PairedComparison, ProposedSentence
from plugins.insights.learning.shares import SIGNIFICANT, is_certain, mcnemar, paired

FOLDS = 3
"""Each costs a training, of about ten seconds with 3,400 examples on one processor."""
MOST_INTENTS = 6
"""Intents that got worse or better and are shown."""
MANY = 300
"""So many rows without any change show that fewer than 1 % would change: the rule of three (Hanley
and Lippman-Hand 1983)."""
OUT_OF_SCOPE = "oos"

ReadingOutcome = Literal["right", "wrong", "refused"]
READING_OUTCOMES: tuple[ReadingOutcome, ...] = get_args(ReadingOutcome)


class HeldOutRow(Value, frozen=True, kw_only=True):
    """A row to test with. ``fold`` is the one in which it is not trained with; -1: it never is.
    ``new``: it is one of the proposal's own sentences."""

    text: str
    intent: str
    fold: int = -1
    new: bool = False


class HeldOutReading(Value, frozen=True, kw_only=True):
    """A row and what was made of it."""

    row: HeldOutRow
    prediction: IntentPrediction

    def outcome(self, below: float) -> ReadingOutcome:
        """What becomes of the message when the bot answers from the confidence ``below`` on. A
        message that is out of scope is right when it is not answered."""
        found = self.prediction.intent
        outside = not found or _is_outside(found) or self.prediction.confidence < below
        if _is_outside(self.row.intent):
            return "right" if outside else "wrong"
        if outside:
            return "refused"
        return "right" if found == self.row.intent else "wrong"


def hold_out(
    own: Sequence[tuple[str, str]],
    labelled: Sequence[tuple[str, str]],
    new: Sequence[ProposedSentence] = (),
    intent: str = "",
) -> list[HeldOutRow]:
    """The rows to test with: examples in folds, labelled rows that are not among them, and the
    ``new`` sentences for ``intent`` in folds of their own. The same rows get the same folds."""
    rows = [
        HeldOutRow(text=text, intent=name, fold=fold)
        for (text, name), fold in zip(own, _folds(own), strict=True)
    ]
    proposed = [(sentence.text, intent) for sentence in new]
    known = {_comparable(text) for text, _ in (*own, *proposed)}
    rows += [
        HeldOutRow(text=text, intent=name)
        for text, name in labelled
        if _comparable(text) not in known
    ]
    return rows + [
        HeldOutRow(text=text, intent=name, fold=fold, new=True)
        for (text, name), fold in zip(proposed, _folds(proposed), strict=True)
    ]


class IntentTrials:
    """Readings of held-out rows, by models with and without proposed examples.

    ``packaged`` are examples that are always trained with and never tested. What is read without
    any proposal is kept for all of them.
    """

    def __init__(
        self,
        own: Sequence[tuple[str, str]],
        packaged: Sequence[tuple[str, str]],
        labelled: Sequence[tuple[str, str]],
    ) -> None:
        self._own, self._packaged, self._labelled = tuple(own), tuple(packaged), tuple(labelled)
        self._before: dict[tuple[str, int], IntentPrediction] = {}

    async def base(self, trainer: TrialTrainer) -> list[HeldOutReading]:
        """The readings of all rows as things are."""
        return await self._read_before(trainer, hold_out(self._own, self._labelled))

    async def compare(
        self, trainer: TrialTrainer, new: Sequence[ProposedSentence], intent: str
    ) -> tuple[list[HeldOutReading], list[HeldOutReading]]:
        """The readings of the same rows before and after: with ``new`` as examples of
        ``intent``."""
        rows = hold_out(self._own, self._labelled, new, intent)
        before = await self._read_before(trainer, rows)
        after: list[HeldOutReading] = []
        proposed = [row for row in rows if row.new]
        for fold in range(FOLDS):
            more = [(row.text, row.intent) for row in proposed if row.fold != fold]
            tested = [row for row in rows if _is_tested(row, fold)]
            after += await self._read(trainer, fold, more, tested)
        by_row = {id(reading.row): reading for reading in after}
        return before, [by_row[id(reading.row)] for reading in before]

    async def _read_before(
        self, trainer: TrialTrainer, rows: Sequence[HeldOutRow]
    ) -> list[HeldOutReading]:
        readings: list[HeldOutReading] = []
        for fold in range(FOLDS):
            tested = [row for row in rows if _is_tested(row, fold)]
            unknown = [row for row in tested if (row.text, fold) not in self._before]
            if unknown:
                for found in await self._read(trainer, fold, [], unknown):
                    self._before[found.row.text, fold] = found.prediction
            readings += [
                HeldOutReading(row=row, prediction=self._before[row.text, fold]) for row in tested
            ]
        return readings

    async def _read(
        self,
        trainer: TrialTrainer,
        fold: int,
        more: Sequence[tuple[str, str]],
        tested: Sequence[HeldOutRow],
    ) -> list[HeldOutReading]:
        folds = _folds(self._own)
        kept = [row for row, its in zip(self._own, folds, strict=True) if its != fold]
        train = list(dict.fromkeys([*kept, *more, *self._packaged]))
        found = await trainer.predict(train, [row.text for row in tested])
        return [
            HeldOutReading(row=row, prediction=prediction)
            for row, prediction in zip(tested, found, strict=True)
        ]


def compare_readings(
    before: Sequence[HeldOutReading],
    after: Sequence[HeldOutReading],
    *,
    below: float,
    least: int,
) -> tuple[PairedComparison, ...]:
    """The shares of each outcome before and after, of all rows but the proposal's own (``all``) and
    of these (``new``); and what is right of each language and of the intents that changed most."""
    pairs = list(zip(before, after, strict=True))
    found: list[PairedComparison] = []
    for group, chosen in _groups(pairs).items():
        whole = group in ("all", "new")
        for outcome in READING_OUTCOMES if whole else READING_OUTCOMES[:1]:
            then = [first.outcome(below) == outcome for first, _ in chosen]
            now = [second.outcome(below) == outcome for _, second in chosen]
            found.append(paired(group, outcome, then, now, least=least))
    by_intent = [
        paired(
            f"intent {intent}",
            "right",
            [first.outcome(below) == "right" for first, _ in chosen],
            [second.outcome(below) == "right" for _, second in chosen],
            least=least,
        )
        for intent, chosen in _by_intent(pairs).items()
    ]
    changed = [each for each in by_intent if each.gained != each.lost]
    changed.sort(key=lambda each: (each.gained - each.lost, each.group))
    return (*found, *changed[:MOST_INTENTS])


def judge_readings(comparisons: Sequence[PairedComparison]) -> tuple[EvaluationVerdict, str]:
    """What the comparisons say together, and that in a sentence.

    *Worse*: other messages are read worse than chance explains. *Better*: more of the proposal's
    own messages, or of all together, become right than chance explains, and fewer are lost.
    """
    right = {each.group: each for each in comparisons if each.measure == "right"}
    others, new = right.get("all"), right.get("new")
    if others and is_certain(others) and others.lost > others.gained:
        return "worse", (
            f"Other messages are read worse: {others.lost} of {others.before.n} no longer right, "
            f"{others.gained} newly right."
        )
    own = (
        f" Of its own {counted(new.after.n, 'message')} {_right(new)} would be right."
        if new
        else ""
    )
    gained = sum(each.gained for each in (new, others) if each)
    lost = sum(each.lost for each in (new, others) if each)
    pooled = mcnemar(gained, lost)
    helps = new is not None and is_certain(new) and new.gained > new.lost
    if gained > lost and (helps or (pooled is not None and pooled < SIGNIFICANT)):
        tested = sum(each.before.n for each in (new, others) if each)
        return (
            "better",
            f"Of {counted(tested, 'message')} {gained} newly right, {lost} no longer right.{own}",
        )
    unchanged = others is not None and others.gained == others.lost == 0
    if others and unchanged and others.before.n >= MANY and (new is None or not new.gained):
        return (
            "no_difference",
            f"Not one of {counted(others.before.n, 'message')} is understood differently.",
        )
    if all(not each.gained and not each.lost for each in (new, others) if each):
        few = "Nothing changes for the few messages that there are to test with."
        return "cannot_be_told", few + own
    return "cannot_be_told", (
        f"{counted(gained, 'message')} more would be right and {lost} no longer: too few to "
        f"tell it from chance.{own}"
    )


def _right(comparison: PairedComparison) -> int:
    return round((comparison.after.value or 0) * comparison.after.n)


def _groups(
    pairs: Sequence[tuple[HeldOutReading, HeldOutReading]],
) -> dict[str, list[tuple[HeldOutReading, HeldOutReading]]]:
    groups: dict[str, list[tuple[HeldOutReading, HeldOutReading]]] = defaultdict(list)
    for first, second in pairs:
        if first.row.new:
            groups["new"].append((first, second))
            continue
        groups["all"].append((first, second))
        if first.prediction.language != "und":
            groups[f"language {first.prediction.language}"].append((first, second))
    order = sorted(groups, key=lambda name: (name != "all", name != "new", -len(groups[name])))
    return {name: groups[name] for name in order}


def _by_intent(
    pairs: Sequence[tuple[HeldOutReading, HeldOutReading]],
) -> Mapping[str, list[tuple[HeldOutReading, HeldOutReading]]]:
    found: dict[str, list[tuple[HeldOutReading, HeldOutReading]]] = defaultdict(list)
    for first, second in pairs:
        if not first.row.new:
            found[first.row.intent].append((first, second))
    return found


def _folds(rows: Sequence[tuple[str, str]]) -> list[int]:
    """A fold for each row: those of one intent are spread evenly, in an order that depends on
    their number alone."""
    by_intent: dict[str, list[int]] = defaultdict(list)
    for index, (_, intent) in enumerate(rows):
        by_intent[intent].append(index)
    folds = [0] * len(rows)
    for indexes in by_intent.values():
        random.Random(len(indexes)).shuffle(indexes)  # noqa: S311  (no secret)
        for position, index in enumerate(indexes):
            folds[index] = position % FOLDS
    return folds


def _is_tested(row: HeldOutRow, fold: int) -> bool:
    """A row that is never trained with is tested once, in the first fold."""
    return row.fold == fold or (row.fold < 0 and fold == 0)


def _is_outside(intent: str) -> bool:
    return intent.partition("/")[0] == OUT_OF_SCOPE


def _comparable(text: str) -> str:
    return "".join(char for char in text.casefold() if char.isalnum()) or text
