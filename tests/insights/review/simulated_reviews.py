"""Simulated months of answers of which some are drawn and reviewed, to prove the weighted rates.

``python -m tests.insights.review.simulated_reviews`` prints, for several shops, how often the
interval covers the true rate, and the bias, with the weights and without.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta

from plugins.insights.model import Figure
from plugins.insights.review.population import ReviewCandidate
from plugins.insights.review.rates import WeightedAnswer, weighted_rate
from plugins.insights.review.sampling import draw

RISKS: Mapping[str, tuple[float, float]] = {
    "low_rated": (0.04, 0.35),
    "escalated": (0.06, 0.5),
    "low_confidence": (0.12, 0.6),
    "harm": (0.01, 0.9),
}
"""For each reason to draw an answer more often: how frequent it is, and how often such answers are
right. The first of several counts."""


@dataclass(frozen=True, kw_only=True)
class SimulatedShop:
    """``right``: the share of right answers among those without any risk."""

    weeks: int = 6
    answers_per_day: int = 150
    reviews_per_week: int = 60
    right: float = 0.94
    risks: Mapping[str, tuple[float, float]] = field(default_factory=lambda: RISKS)


@dataclass(frozen=True, kw_only=True)
class Measured:
    """Over many simulated periods."""

    truth: float
    covered: float
    bias: float
    width: float
    covered_without_weights: float
    bias_without_weights: float


def simulated_answer(number: int, *why: str, **fields: str) -> ReviewCandidate:
    shown = {"channel": "webchat", "language": "en", "intent": "refund", **fields}
    return ReviewCandidate(
        at=datetime(2026, 3, 2, 12, tzinfo=UTC),
        conversation=number,
        message=number,
        asked=number,
        kind="bot",
        confidence=0.9,
        why=why,
        channel=shown["channel"],
        language=shown["language"],
        intent=shown["intent"],
        wording=shown.get("wording", "w"),
    )


def simulate(seed: int, shop: SimulatedShop) -> tuple[list[WeightedAnswer], float]:
    """What was reviewed in one period, and the share of right answers among all."""
    chance = random.Random(seed)  # noqa: S311
    rows: list[WeightedAnswer] = []
    right = number = 0
    first = date(1900, 1, 1) + timedelta(days=100 * seed)
    for day in range(7 * shop.weeks):
        answers, truth = [], {}
        for _ in range(shop.answers_per_day):
            number += 1
            why = [code for code, (share, _) in shop.risks.items() if chance.random() < share]
            rate = shop.risks[why[0]][1] if why else shop.right
            truth[number] = chance.random() < rate
            channel = chance.choices(["webchat", "rest", "sms", "email"], [6, 3, 1, 1])[0]
            intent = f"i{min(int(chance.expovariate(0.35)), 9)}"
            answers.append(simulated_answer(number, *why, channel=channel, intent=intent))
        right += sum(truth.values())
        rows += [
            WeightedAnswer(
                conversation=item.conversation,
                weight=item.weight,
                right=float(truth[item.message]),
            )
            for item in draw(
                answers, day=first + timedelta(days=day), budget=shop.reviews_per_week / 7
            )
        ]
    return rows, right / number


def measure(periods: int, shop: SimulatedShop) -> Measured:
    runs = [simulate(seed, shop) for seed in range(periods)]
    truth = sum(share for _, share in runs) / len(runs)
    weighted = [weighted_rate(rows) for rows, _ in runs]
    plain = [weighted_rate([row.replace(weight=1.0) for row in rows]) for rows, _ in runs]

    def covered(figures: list[Figure]) -> float:
        return sum((f.low or 0) <= truth <= (f.high or 1) for f in figures) / len(figures)

    def mean(figures: list[Figure]) -> float:
        return sum(f.value or 0 for f in figures) / len(figures)

    return Measured(
        truth=truth,
        covered=covered(weighted),
        bias=mean(weighted) - truth,
        width=sum((f.high or 1) - (f.low or 0) for f in weighted) / len(weighted),
        covered_without_weights=covered(plain),
        bias_without_weights=mean(plain) - truth,
    )


if __name__ == "__main__":
    for shop in (
        SimulatedShop(),
        SimulatedShop(weeks=2),
        SimulatedShop(weeks=12, right=0.99),
        SimulatedShop(answers_per_day=15),
        SimulatedShop(weeks=12, risks={}),
    ):
        print(shop, measure(300, shop), sep="\n", flush=True)  # noqa: T201
