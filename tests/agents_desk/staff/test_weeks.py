"""Care on simulated weeks, shorter than `make bench PARTS=care`."""

from __future__ import annotations

from plugins.agents_desk.staff.assignment import PushMode
from tests.bench.care.figures import mean_of
from tests.bench.care.weeks import Week, WeekFigures

PER_DAY = 400.0
"""Fewer than the benchmark has: a week then takes a second."""


def weeks(mode: PushMode) -> list[WeekFigures]:
    return [Week(seed, mode, per_day=PER_DAY).run() for seed in (2001, 2002)]


def test_care_spreads_the_load_and_gives_nobody_a_third_in_a_row() -> None:
    """Nobody is given what they cannot answer, and customers wait no longer for it."""
    care, turns = weeks("care"), weeks("round_robin")
    assert mean_of(care, "spread") < 0.75 * mean_of(turns, "spread")
    assert [week.thirds for week in care] == [0, 0]
    assert sum(week.thirds for week in turns) > 0
    assert [week.mismatches for week in (*care, *turns)] == [0, 0, 0, 0]
    assert mean_of(care, "answer_p90") <= 1.1 * mean_of(turns, "answer_p90")
