"""The figures of the findings: power, false findings, strangers' sentences, speed and memory.

``SEEDS=`` months of each kind (default 200, from ``FIRST=`` 2000 on), ``DRAWS=`` of each shop of
strangers (default 100), ``EFFECTS=`` adoptions of each kind (default 100). The thresholds were
chosen on seeds from 10,000 on and on the other half of the strangers' intents.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from multiprocessing import get_context

from plugins.insights.findings.statistics import share_figure
from tests.bench.findings.effects import PLANTED as MOVED
from tests.bench.findings.effects import POINTS, ShownEffect, quality, run_pilot
from tests.bench.findings.effects import run as effect_run
from tests.bench.findings.months import PLANTED, Outcome, study
from tests.bench.findings.strangers import DATA, SHOPS, draw
from tests.bench.findings.volume import measure_volume
from tests.bench.report import Report

POWER, POWER_OF_12 = 0.8, 0.55
FALSE_MONTHS = 0.05
SECONDS, MEGABYTES = 30.0, 400.0
MESSAGES = 1_000_000
FIRST_EFFECT = 81_000
TWELVE = "findings.power.unanswered_question_12"
FALSE, SORRY = "findings.false_months", "findings.sorry_blamed"
TIME, MEMORY = "findings.million.seconds", "findings.million.megabytes"
PLANTS = (
    *("trigger_phrase", "drifting_channel", "rewritten_answer", "overworked_agent"),
    "unanswered_question",
)
EFFECT = "findings.effect.containment"
COVERED_LEAST, COVERED_MOST = 0.9, 0.99
TARGETS = (
    *(f"findings.power.{plant}" for plant in PLANTS),
    *(TWELVE, FALSE, SORRY, TIME, MEMORY, f"{EFFECT}.power", f"{EFFECT}.covered"),
)


def measure_findings(report: Report) -> None:
    """Report the figures; the months on two processes."""
    seeds = range(int(os.environ.get("FIRST", "2000")), 10_000)[: _number("SEEDS", 200)]
    jobs = [(seed, month) for seed in seeds for month in PLANTED]
    context = get_context("spawn")
    with context.Pool(1) as pool:
        volume = pool.apply(measure_volume, (MESSAGES,))
    report.cap(TIME, volume.seconds, "s", SECONDS, messages=volume.messages)
    report.cap(MEMORY, volume.megabytes, "MB", MEGABYTES, peak=volume.peak)
    with context.Pool(2) as pool:
        outcomes = pool.starmap(study, jobs, chunksize=3)
        runs = range(FIRST_EFFECT, FIRST_EFFECT + _number("EFFECTS", 100))
        effects = pool.starmap(effect_run, [(seed, planted) for seed in runs for planted in MOVED])
        pilots = {
            planted: pool.starmap(run_pilot, [(seed, planted) for seed in runs])
            for planted in (POINTS, 0.0)
        }
    report_months(report, outcomes)
    report_effects(report, [effect for found in effects for effect in found])
    for planted, found in pilots.items():
        report_pilots(report, [effect for each in found for effect in each], planted)
    _strangers(report, _number("DRAWS", 100))


def report_months(report: Report, outcomes: Sequence[Outcome]) -> None:
    """The shares of months, each with its Wilson interval."""
    months = {name: [o for o in outcomes if o.month == name] for name in PLANTED}
    for plant in PLANTS:
        found = [outcome.found[plant] for outcome in months["everything"]]
        report.judge(f"findings.power.{plant}", _share(found), "share", POWER, **_more(found))
    found = [outcome.found["unanswered_question"] for outcome in months["small"]]
    report.judge(TWELVE, _share(found), "share", POWER_OF_12, **_more(found))
    false = [bool(outcome.others) for outcome in months["nothing"]]
    report.cap(FALSE, _share(false), "share", FALSE_MONTHS, **_more(false))
    blamed = [o.found["confounded_sorry"] for o in (*months["everything"], *months["small"])]
    report.cap(SORRY, _share(blamed), "share", FALSE_MONTHS, **_more(blamed))
    for outcome in months["nothing"]:
        for other in outcome.others:
            report.line({"name": "findings.false", "seed": outcome.seed, "what": other})


def report_effects(report: Report, effects: Sequence[ShownEffect]) -> None:
    """How often an effect is shown and covered. The target is for what was planted as such; the
    other measures are moved by it, some of them little."""
    for measure in dict.fromkeys(effect.measure for effect in effects):
        found = quality([effect for effect in effects if effect.measure == measure])
        more = {"runs": found.runs, "moves_by": round(found.truth, 4)}
        shown, covered = (n / max(1, found.runs) for n in (found.shown, found.covered))
        name = f"findings.effect.{measure}"
        if name == EFFECT:
            report.judge(f"{name}.power", shown, "share", POWER, **more)
            if covered > COVERED_MOST:
                report.cap(f"{name}.covered", covered, "share", COVERED_MOST, **more)
            else:
                report.judge(f"{name}.covered", covered, "share", COVERED_LEAST, **more)
        else:
            report.figure(f"{name}.power", shown, "share", **more)
            report.figure(f"{name}.covered", covered, "share", **more)


def report_pilots(report: Report, effects: Sequence[ShownEffect], planted: float) -> None:
    """How often a pilot's effect stands, and is covered; beside it the plain difference from the
    rest, which is not the pilot's alone. Where nothing is ``planted`` the truth is no effect."""
    for name in ("effect", "difference"):
        chosen = [effect for effect in effects if effect.measure == name]
        found = quality(chosen, None if planted else 0.0)
        label = f"findings.pilot.{name}.{round(planted * 100)}_points"
        more = {"runs": found.runs, "mean": round(quality(chosen).truth, 4)}
        for what, number in (("shown", found.shown), ("covered", found.covered)):
            report.figure(f"{label}.{what}", number / max(1, found.runs), "share", **more)


def _strangers(report: Report, draws: int) -> None:
    if not DATA.is_dir():
        report.not_run("findings.strangers", f"{DATA} is not there; set STRANGERS=")
        return
    for shop in SHOPS:
        for planted in (20, 12):
            results = [draw(shop, planted, seed) for seed in range(draws)]
            found = [result.found for result in results]
            name = f"findings.strangers.{shop.data}_{shop.intents}.{planted}"
            shown = _share(result.shown for result in results)
            report.figure(name, _share(found), "share", shown=shown, **_more(found))


def _share(found: Iterable[bool]) -> float:
    values = list(found)
    return sum(values) / max(1, len(values))


def _more(found: Sequence[bool]) -> dict[str, object]:
    figure = share_figure(sum(found), len(found), 1)
    return {"n": figure.n, "low": figure.low, "high": figure.high}


def _number(name: str, otherwise: int) -> int:
    return int(os.environ.get(name, str(otherwise)))
