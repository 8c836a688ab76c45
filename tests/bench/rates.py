"""What the bursts gave, and how it compares."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from statistics import median

import msgspec

from tests.bench.kinds import ECHO, TURNS
from tests.bench.load import Round
from tests.bench.plan import LEAST, MOST
from tests.bench.report import Report
from tests.bench.rivals.beside import BESIDE_RASA, DROID_ECHO, DROID_MESSAGE, RASA_TURN

FASTER, SOONER = "turn_over_rasa", "turn_p99_over_rasa"


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """One burst, and what it cost the server."""

    round: Round
    cpu: float
    """Seconds of processor for each good answer."""


def tell_rates(
    report: Report, seen: Mapping[str, list[Seen]], absent: Mapping[str, str] | None = None
) -> None:
    """Each kind's rate, then the ratios: the median of what each round gives, since a machine may
    grow faster or slower meanwhile. ``absent``: kinds that are not there -> why."""
    for name, many in seen.items():
        report.tell(
            f"{name}_rate",
            median(one.round.rate for one in many),
            "1/s",
            p50_ms=_millis(one.round.p50 for one in many),
            p99_ms=_millis(one.round.p99 for one in many),
            cpu_us=round(median(one.cpu for one in many) * 1e6),
            rounds=[round(one.round.rate) for one in many],
            broken=sum(one.round.broken for one in many),
        )
    absent = absent or {}
    for name, why in absent.items():
        report.not_run(f"{name}_rate", why)
    _against_echo(report, seen)
    _against_rasa(report, seen, absent.get(RASA_TURN.name))


def _ratio(seen: Mapping[str, list[Seen]], name: str, over: str) -> float:
    pairs = zip(seen[name], seen[over], strict=True)
    return median(one.round.rate / other.round.rate for one, other in pairs)


def _against_echo(report: Report, seen: Mapping[str, list[Seen]]) -> None:
    ratio = {name: _ratio(seen, name, ECHO.name) for name in seen}
    _judge(report, "accept_over_echo", ratio["accept"])
    report.tell("accept_while_working_over_echo", ratio["accept_while_working"], "")
    _judge(report, "turn_over_echo", ratio[TURNS.name])
    for name in ("turn", "accept"):
        kept = _ratio(seen, f"{name}_with_past", name)
        _judge(report, f"{name}_with_past_over_without", kept)
    for name in (DROID_ECHO.name, DROID_MESSAGE.name):
        if name in ratio:
            report.tell(f"{name}_over_echo", ratio[name], "")


def _against_rasa(
    report: Report,
    seen: Mapping[str, list[Seen]],
    absent: str | None,
) -> None:
    if absent:
        for target in (FASTER, SOONER):
            report.not_run(target, absent)
        return
    _judge(report, FASTER, _ratio(seen, BESIDE_RASA.name, RASA_TURN.name))
    pair = (BESIDE_RASA.name, RASA_TURN.name)
    ours, theirs = (median(one.round.p99 for one in seen[name]) for name in pair)
    costs = [median(one.cpu for one in seen[name]) for name in reversed(pair)]
    report.tell("rasa_processor_over_ours", costs[0] / costs[1], "")
    report.bound(SOONER, ours / theirs, "", MOST[SOONER])


def _judge(report: Report, name: str, value: float) -> None:
    report.judge(name, value, "", LEAST[name])


def _millis(times: Iterable[float]) -> float:
    return round(median(times) * 1e3, 2)
