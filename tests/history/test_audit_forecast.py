"""Intervals of shares, and of the next month's."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta

from plugins.history.audit.forecasting import Seen, design_effect, next_share, share
from plugins.history.audit.model import Estimate
from plugins.history.audit.report import hours_saved

AT = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)


def seen(yes: int, no: int, *, months: int = 3) -> list[Seen]:
    marks = [True] * yes + [False] * no
    random.Random(1).shuffle(marks)  # noqa: S311  (repeatable)
    step = timedelta(days=30 * months) / len(marks)
    return [Seen(mark, at + 1, AT + step * at) for at, mark in enumerate(marks)]


def test_nothing_seen_says_nothing() -> None:
    """The interval is all there is."""
    found = share([])
    assert (found.low, found.high, found.enough) == (0.0, 1.0, False)


def test_a_share_has_wilsons_interval() -> None:
    """Wilson (1927) for 10 of 100: 5.5 to 17.4 per cent."""
    found = share(seen(10, 90))
    assert (round(found.low, 3), round(found.high, 3)) == (0.055, 0.174)


def test_the_next_month_is_less_certain_than_the_last_ones() -> None:
    """It adds its own chance, and how much months differ."""
    marks = seen(100, 900)
    past, coming = share(marks), next_share(marks)
    assert coming.high - coming.low > past.high - past.low


def test_a_longer_month_is_more_certain() -> None:
    """Of more matters a share varies less."""
    marks = seen(100, 900)
    few, many = next_share(marks, 30), next_share(marks, 3000)
    assert many.high - many.low < few.high - few.low


def test_none_may_come_where_few_are_expected() -> None:
    """Two in a hundred: a month of fifty may well have none."""
    assert next_share(seen(6, 294), 50).low == 0.0


def test_a_customer_who_writes_ten_times_counts_less() -> None:
    """One customer's ten matters are no ten customers'."""
    ten = [Seen(True, 1, AT)] * 10 + [Seen(False, at, AT) for at in range(2, 92)]
    assert design_effect(ten) > 5
    assert design_effect(seen(10, 90)) == 1.0


def test_the_interval_holds_what_it_promises() -> None:
    """Of 120 simulated next months, about 95 in 100 lie in the interval."""
    rng = random.Random(5)  # noqa: S311  (repeatable)
    inside = 0
    for _ in range(120):
        rate = rng.uniform(0.05, 0.6)
        before = [Seen(rng.random() < rate, at, AT + timedelta(days=at * 0.3)) for at in range(300)]
        came = sum(rng.random() < rate for _ in range(100)) / 100
        found = next_share(before, 100)
        inside += found.low <= came <= found.high
    assert inside >= 110


def test_hours_are_what_the_formula_says() -> None:
    """100 matters, 5 minutes, 60 right and 10 wrong ones: (0.6 - 2 x 0.1) x 100 x 5 / 60."""
    right = Estimate(value=0.6, low=0.5, high=0.7, n=100)
    wrong = Estimate(value=0.1, low=0.05, high=0.2, n=100)
    found = hours_saved(right, wrong, 100, 5.0)
    assert round(found.value, 2) == 3.33
    assert (round(found.low, 2), round(found.high, 2)) == (0.83, 5.0)
