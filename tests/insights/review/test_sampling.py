"""The draw keeps its budget and its probabilities, and weighted rates are right."""

from __future__ import annotations

from collections import Counter
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plugins.insights.review.newness import voice_samples, with_reasons, with_seen
from plugins.insights.review.sampling import draw, inclusion_probabilities, size
from plugins.insights.review.values import KnownCodes
from tests.insights.review.simulated_reviews import SimulatedShop, measure, simulated_answer

DAY = date(2026, 3, 2)


@given(
    st.lists(st.floats(0.05, 8), min_size=1, max_size=60),
    st.floats(0.1, 80),
)
def test_probabilities_add_up_to_the_budget(sizes: list[float], budget: float) -> None:
    """None exceeds 1, and below that they are proportional to the sizes."""
    found = inclusion_probabilities(sizes, budget)
    assert sum(found) == pytest.approx(min(budget, len(sizes)))
    assert all(0 < probability <= 1 + 1e-9 for probability in found)
    ratios = {round(p / s, 9) for p, s in zip(found, sizes, strict=True) if p < 1 - 1e-9}
    assert not ratios or max(ratios) == pytest.approx(min(ratios), abs=1e-6)


def test_the_same_day_is_drawn_the_same_way() -> None:
    """Also when the answers are found in another order."""
    answers = [simulated_answer(number, channel=f"c{number % 3}") for number in range(40)]
    first = draw(answers, day=DAY, budget=8.57, double_share=0.2)
    assert first == draw(answers[::-1], day=DAY, budget=8.57, double_share=0.2)
    assert len(first) in (8, 9)
    assert first != draw(answers, day=DAY + timedelta(days=1), budget=8.57)


def test_each_answer_is_drawn_as_often_as_its_probability_says() -> None:
    """Over 2,000 days, within four standard errors."""
    answers = [
        simulated_answer(
            n, *(("harm",) if n < 3 else ()), channel="sms" if n % 5 == 0 else "webchat"
        )
        for n in range(30)
    ]
    days, drawn, probabilities = 2000, Counter[int](), {}
    for number in range(days):
        for item in draw(answers, day=DAY + timedelta(days=number), budget=4.3):
            drawn[item.message] += 1
            probabilities[item.message] = item.probability
    for number, probability in probabilities.items():
        error = (probability * (1 - probability) / days) ** 0.5
        assert abs(drawn[number] / days - probability) < 4 * error
    assert len(probabilities) == 30
    assert probabilities[1] > 3.9 * probabilities[11]


def test_small_strata_are_drawn_more_densely() -> None:
    """The probability falls with the square root of the stratum's size."""
    answers = [simulated_answer(n, channel="sms" if n < 4 else "webchat") for n in range(104)]
    found = {
        item.channel: item.probability
        for number in range(60)
        for item in draw(answers, day=DAY + timedelta(days=number), budget=8)
    }
    assert found["sms"] / found["webchat"] == pytest.approx(5)


def test_all_reasons_together_are_bounded() -> None:
    """So that weights do not differ too much."""
    assert size(()) == 1
    assert size(("harm",)) == 4
    assert size(("harm", "legal", "low_rated")) == 8


def test_only_what_came_later_is_new() -> None:
    """What is there on the first day is not new; a new wording is, for a while."""
    known = with_seen(KnownCodes(), [simulated_answer(1, wording="old")], ["refund"], DAY)
    later = DAY + timedelta(days=3)
    both = [simulated_answer(2, wording="old"), simulated_answer(3, wording="new")]
    known = with_seen(known, both, [], later)
    options = {"new_days": 14, "low_confidence": 0.95}
    old, new = with_reasons(both, known, day=later, **options)  # type: ignore[arg-type]
    assert old.why == ("low_confidence",)
    assert new.why == ("low_confidence", "new_answer")
    month = later + timedelta(days=30)
    [aged] = with_reasons([both[1]], known, day=month, **options)  # type: ignore[arg-type]
    assert aged.why == ("low_confidence",)


def test_every_answer_of_a_month_has_the_same_chance_to_stand_for_its_channel() -> None:
    """Over 3,000 draws from 6 answers each is chosen about 500 times."""
    chosen = Counter(
        sample.message % 6
        for trial in range(3000)
        for sample in voice_samples([simulated_answer(6 * trial + n) for n in range(6)], DAY)
    )
    assert all(abs(count - 500) < 4 * (3000 * 5 / 36) ** 0.5 for count in chosen.values())


def test_weighted_rates_are_unbiased_and_unweighted_ones_are_not() -> None:
    """Over 60 simulated periods the interval covers the truth in 90 % or more; without weights it
    nearly never does. ``python -m tests.insights.review.simulated_reviews`` has more."""
    found = measure(60, SimulatedShop())
    assert found.covered >= 0.9
    assert found.covered_without_weights <= 0.2
    assert abs(found.bias) < 0.01
    assert found.bias_without_weights < -0.05
