"""Compares the rates of the bursts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from statistics import median

import msgspec

from tests.bench.load import Burst
from tests.bench.plan import LEAST, MOST
from tests.bench.report import Report
from tests.bench.rivals.programs import DROID_ECHO, DROID_MESSAGE, RASA_TURN, TURNS_FOR_RASA
from tests.bench.workloads import ECHO, TURNS, TURNS_UNIQUE

FASTER, SOONER = "turn_over_rasa", "turn_p99_over_rasa"


class Measurement(msgspec.Struct, frozen=True, kw_only=True):
    """One burst, and what it cost the server."""

    burst: Burst
    cpu: float
    """Seconds of processor for each good response."""


def report_rates(
    report: Report, seen: Mapping[str, list[Measurement]], absent: Mapping[str, str] | None = None
) -> None:
    """Report the rate of each workload, then the ratios: medians over the rounds, since the speed
    of a machine changes meanwhile. ``absent``: workloads that cannot be measured -> why."""
    for name, many in seen.items():
        report.figure(
            f"{name}_rate",
            median(one.burst.rate for one in many),
            "1/s",
            p50_ms=_millis(one.burst.p50 for one in many),
            p99_ms=_millis(one.burst.p99 for one in many),
            cpu_us=round(median(one.cpu for one in many) * 1e6),
            rounds=[round(one.burst.rate) for one in many],
            broken=sum(one.burst.broken for one in many),
        )
    absent = absent or {}
    for name, why in absent.items():
        report.not_run(f"{name}_rate", why)
    _against_echo(report, seen)
    _against_rasa(report, seen, absent.get(RASA_TURN.name))


def _ratio(seen: Mapping[str, list[Measurement]], name: str, over: str) -> float:
    pairs = zip(seen[name], seen[over], strict=True)
    return median(one.burst.rate / other.burst.rate for one, other in pairs)


def _against_echo(report: Report, seen: Mapping[str, list[Measurement]]) -> None:
    ratio = {name: _ratio(seen, name, ECHO.name) for name in seen}
    _judge(report, "accept_over_echo", ratio["accept"])
    report.figure("accept_while_working_over_echo", ratio["accept_while_working"], "")
    _judge(report, "turn_over_echo", ratio[TURNS.name])
    _judge(report, "turn_unique_over_echo", ratio[TURNS_UNIQUE.name])
    for name in ("turn", "accept"):
        kept = _ratio(seen, f"{name}_with_past", name)
        _judge(report, f"{name}_with_past_over_without", kept)
    for name in (DROID_ECHO.name, DROID_MESSAGE.name):
        if name in ratio:
            report.figure(f"{name}_over_echo", ratio[name], "")


def _against_rasa(
    report: Report,
    seen: Mapping[str, list[Measurement]],
    absent: str | None,
) -> None:
    if absent:
        for target in (FASTER, SOONER):
            report.not_run(target, absent)
        return
    _judge(report, FASTER, _ratio(seen, TURNS_FOR_RASA.name, RASA_TURN.name))
    pair = (TURNS_FOR_RASA.name, RASA_TURN.name)
    ours, theirs = (median(one.burst.p99 for one in seen[name]) for name in pair)
    costs = [median(one.cpu for one in seen[name]) for name in reversed(pair)]
    report.figure("rasa_processor_over_ours", costs[0] / costs[1], "")
    report.bound(SOONER, ours / theirs, "", MOST[SOONER])


def _judge(report: Report, name: str, value: float) -> None:
    report.judge(name, value, "", LEAST[name])


def _millis(times: Iterable[float]) -> float:
    return round(median(times) * 1e3, 2)
