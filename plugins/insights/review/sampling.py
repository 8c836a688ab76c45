"""Draws answers for review with known probabilities. Pure functions.

The probability of an answer is proportional to its size, within a budget. The size grows with what
makes it worth a look (`WORTH`), and falls with the square root of the number of answers in its
stratum, so that small strata are seen, too (power allocation with exponent 1/2: Bankier, "Power
Allocations", The American Statistician 42, 1988). The draw is systematic with unequal probabilities
(Madow, Annals of Mathematical Statistics 20, 1949) over the answers sorted by stratum: its number
is the budget, rounded up or down, and it spreads over the strata.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date

from plugins.insights.review.population import ReviewCandidate
from plugins.insights.review.values import ReviewItem

WORTH: Mapping[str, float] = {
    "harm": 4,
    "legal": 4,
    "low_rated": 3,
    "sensitive": 3,
    "escalated": 2,
    "low_confidence": 2,
    "new_answer": 2,
    "new_intent": 2,
    "new_model": 1.5,
}
"""How many times as likely an answer is drawn for this code."""
MOST_WORTH = 8.0
"""All codes together count at most this much: weights that differ too much widen the intervals."""


def size(why: Sequence[str]) -> float:
    """How many times as likely as an ordinary answer of its stratum it is drawn: 1 to 8."""
    worth = 1.0
    for code in why:
        worth *= WORTH.get(code, 1.0)
    return min(worth, MOST_WORTH)


def inclusion_probabilities(sizes: Sequence[float], budget: float) -> list[float]:
    """Probabilities proportional to ``sizes`` (all above 0), at most 1, with the sum ``budget``
    or, if that is less, the number of sizes. Those that would exceed 1 are set to 1 and the others
    scaled again (Särndal, Swensson and Wretman, Model Assisted Survey Sampling, 1992, 3.6)."""
    probabilities = [1.0] * len(sizes)
    left, budget = set(range(len(sizes))), min(budget, len(sizes))
    while left:
        scale = (budget - (len(sizes) - len(left))) / sum(sizes[i] for i in left)
        certain = {i for i in left if sizes[i] * scale >= 1}
        left -= certain
        if not certain:
            for i in left:
                probabilities[i] = sizes[i] * scale
            break
    return probabilities


def draw(
    candidates: Sequence[ReviewCandidate],
    *,
    day: date,
    budget: float,
    double_share: float = 0.0,
) -> tuple[ReviewItem, ...]:
    """Draw about ``budget`` of the answers of ``day``. The same candidates give the same items.

    ``double_share``, 0..1, of the items go to two reviewers.
    """
    if not candidates:
        return ()
    chance = random.Random(f"review {day.isoformat()}")  # noqa: S311  (chance, not a secret)
    ordered = sorted(candidates, key=lambda c: (c.conversation, c.message))
    ordered = [c for _, c in sorted((((c.stratum, chance.random()), c) for c in ordered), key=_key)]
    members = Counter(candidate.stratum for candidate in ordered)
    sizes = [size(c.why) / members[c.stratum] ** 0.5 for c in ordered]
    probabilities = inclusion_probabilities(sizes, budget)
    items, passed, mark = [], 0.0, chance.random()
    for candidate, probability in zip(ordered, probabilities, strict=True):
        passed += probability
        if mark < passed:
            mark += 1
            reviewers = 2 if chance.random() < double_share else 1
            items.append(_item(candidate, day, probability, reviewers))
    return tuple(items)


def _key(entry: tuple[tuple[tuple[str, ...], float], ReviewCandidate]) -> tuple[object, ...]:
    return entry[0]


def _item(candidate: ReviewCandidate, day: date, probability: float, reviewers: int) -> ReviewItem:
    return ReviewItem(
        day=day,
        conversation=candidate.conversation,
        message=candidate.message,
        asked=candidate.asked,
        kind=candidate.kind,
        agent=candidate.agent,
        brand=candidate.brand,
        channel=candidate.channel,
        language=candidate.language,
        intent=candidate.intent,
        mood=candidate.mood,
        probability=probability,
        why=candidate.why,
        reviewers=reviewers,
    )
