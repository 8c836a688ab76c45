"""Whether the bot should answer from another confidence on. Pure functions over held-out readings.

A wrong answer costs a customer more than a question back. Moving the threshold changes only the
messages between the old and the new one; it pays when enough of these are right.
"""

from __future__ import annotations

from collections.abc import Sequence

from gateway import KeyPath, SetValue
from plugins.insights.learning.intents import HeldOutReading
from plugins.insights.learning.model import ProposalDraft, ProposalTarget
from plugins.insights.learning.shares import SIGNIFICANT

AT: KeyPath = ("reasons", "low_confidence", "below")
WRONG_COSTS = 3.0
"""A wrong answer costs as much as so many needless questions back. Ours: what it costs is the
shop's to say, and the proposal states it."""
STEP = 0.05
LEAST_ROWS = 100
"""With fewer messages that people labelled nothing is said about a threshold."""


def draft_threshold(readings: Sequence[HeldOutReading], below: float) -> ProposalDraft | None:
    """The threshold that costs least, when it is surely better than ``below``; None when none is.

    ``readings`` are those of messages that people labelled: the shop's own examples are clearer
    than what customers write.
    """
    if len(readings) < LEAST_ROWS:
        return None
    candidates = [round(STEP * step, 2) for step in range(4, 20)]
    best = min(candidates, key=lambda at: (_cost(readings, at), abs(at - below)))
    if best == below or _cost(readings, best) >= _cost(readings, below):
        return None
    changed = [each for each in readings if each.outcome(best) != each.outcome(below)]
    answerable = sum("right" in {each.outcome(best), each.outcome(below)} and not _is_outside(each)
                     for each in changed)  # fmt: skip
    wrong = len(changed) - answerable
    if not _is_sure(answerable, wrong, lower=best < below):
        return None
    word = "Lower" if best < below else "Raise"
    effect = (
        f"{answerable} more right and {wrong} more wrong answers"
        if best < below
        else f"{wrong} fewer wrong and {answerable} fewer right answers"
    )
    return ProposalDraft(
        kind="threshold",
        title=f"{word} the confidence from which the bot answers to {best:.2f}",
        found=f"Among {len(readings)} reviewed messages it would mean {effect}.",
        target=ProposalTarget(at=AT),
        source="review",
        evidence={
            "messages": len(readings),
            "right": answerable,
            "wrong": wrong,
            "wrong_costs": WRONG_COSTS,
            "from": below,
            "to": best,
        },
        changes=(SetValue(at=AT, value=best),),
    )


def _cost(readings: Sequence[HeldOutReading], below: float) -> float:
    """In needless questions back."""
    outcomes = [each.outcome(below) for each in readings]
    return outcomes.count("refused") + WRONG_COSTS * outcomes.count("wrong")


def _is_sure(right: int, wrong: int, *, lower: bool) -> bool:
    """Whether chance does not explain that answering the messages between the thresholds pays
    (``lower``), or does not: an exact binomial test of the share that is right."""
    from scipy.stats import binomtest  # noqa: PLC0415  (slow to import)

    if right + wrong == 0:
        return False
    worth = WRONG_COSTS / (1 + WRONG_COSTS)
    side = "greater" if lower else "less"
    return bool(binomtest(right, right + wrong, worth, alternative=side).pvalue < SIGNIFICANT)


def _is_outside(reading: HeldOutReading) -> bool:
    return reading.row.intent.partition("/")[0] == "oos"
