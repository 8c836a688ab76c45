"""Care for people against round robin and least busy, week by week with the same customers.

Parameters were chosen on the seeds `TUNING`; the figures are of `HELD_OUT`, which nothing was
chosen on.
"""

from __future__ import annotations

import os
import statistics
from collections.abc import Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial

from plugins.agents_desk.staff.assignment import PushMode
from tests.bench.care.weeks import TEAM, Week, WeekFigures
from tests.bench.report import Report, say

TUNING = range(1000, 1008)
HELD_OUT = range(1, 51)
QUICK = range(1, 6)
MODES: tuple[PushMode, ...] = ("round_robin", "least_busy", "care")
HALF, BELOW = "care.spread_over_round_robin", "care.spread_over_least_busy"
CLAIM, ANSWER = "care.claim_p90_over_best", "care.answer_p90_over_best"
THIRDS, MISMATCHES = "care.thirds_in_a_row", "care.skill_mismatches"
TARGETS = (HALF, BELOW, CLAIM, ANSWER, THIRDS, MISMATCHES)
MOST_WAIT = 1.1


def measure_care(report: Report) -> None:
    """Print the figures of all modes, and judge care."""
    quick = os.environ.get("WARMLINE_BENCH_QUICK") == "1"
    seeds = QUICK if quick else HELD_OUT
    found = {mode: run_weeks(seeds, mode) for mode in MODES}
    for mode, weeks in found.items():
        say(f"care: {mode}: {len(weeks)} weeks")
        for name in WeekFigures.__struct_fields__:
            report.figure(f"care.{mode}.{name}", mean_of(weeks, name), "", weeks=len(weeks))
    care, turns, busy = found["care"], found["round_robin"], found["least_busy"]
    people = len(TEAM)
    spread = mean_of(care, "spread")
    report.cap(HALF, spread / mean_of(turns, "spread"), "", 0.5, weeks=len(care), people=people)
    lower = sum(ours.spread < theirs.spread for ours, theirs in zip(care, busy, strict=True))
    report.bound(BELOW, spread / mean_of(busy, "spread"), "", 1.0, weeks_lower=lower)
    for target, name in ((CLAIM, "claim_p90"), (ANSWER, "answer_p90")):
        best = min(mean_of(turns, name), mean_of(busy, name))
        report.cap(target, mean_of(care, name) / max(best, 1.0), "", MOST_WAIT, best=best)
    report.cap(THIRDS, sum(week.thirds for week in care), "", 0)
    report.cap(MISMATCHES, sum(week.mismatches for week in care), "", 0)


def run_weeks(seeds: Iterable[int], mode: PushMode) -> list[WeekFigures]:
    """One week for each seed, in several processes."""
    with ProcessPoolExecutor(max_workers=os.cpu_count()) as pool:
        return list(pool.map(partial(_week, mode), seeds))


def mean_of(weeks: Sequence[WeekFigures], name: str) -> float:
    """The mean of one figure over ``weeks``."""
    return statistics.fmean(getattr(week, name) for week in weeks)


def _week(mode: PushMode, seed: int) -> WeekFigures:
    return Week(seed, mode).run()
