"""The ratios of the bursts' rates, and which of them are targets."""

from __future__ import annotations

import io
from typing import Any

import msgspec
import pytest

from tests.bench.load import Burst
from tests.bench.plan import LEAST, MOST
from tests.bench.rates import Measurement, report_rates
from tests.bench.report import Report

WORKLOADS = {"echo": 1000, "accept": 600, "turn": 120, "turn_unique": 80,
         "accept_while_working": 300,
         "turn_with_past": 110, "accept_with_past": 590, "opsdroid_echo": 500,
         "opsdroid_message": 400, "turn_beside_rasa": 125, "rasa_turn": 5}  # fmt: skip
OURS = {"cold_start", "first_start", "alone_p50", "memory"}
"""Targets of other stages."""


def _measurement(rate: float, p99: float) -> Measurement:
    burst = Burst(good=round(rate), bad=0, broken=0, seconds=1.0, p50=p99 / 2, p99=p99)
    return Measurement(burst=burst, cpu=1 / rate)


def _rates(
    absent: dict[str, str],
    drift: tuple[float, ...] = (0.5, 1, 3),
    of: dict[str, tuple[float, ...]] | None = None,
) -> tuple[dict[str, Any], bool]:
    out = io.StringIO()
    report = Report(out, (LEAST.keys() | MOST.keys()) - OURS)
    report_rates(
        report,
        {name: [_measurement(rate * factor, 10 / rate) for factor in (of or {}).get(name, drift)]
         for name, rate in WORKLOADS.items() if name not in absent},
        absent,
    )  # fmt: skip
    report.close()
    lines = [msgspec.json.decode(line) for line in out.getvalue().splitlines()]
    return {line["name"]: line for line in lines}, report.good


def test_every_ratio_is_compared_with_its_target() -> None:
    """Every target of the rates has its line."""
    lines, good = _rates({})
    assert (lines["targets"]["held"], lines["targets"]["missed"]) == (7, [])
    assert good
    assert lines["accept_over_echo"]["value"] == 0.6
    assert lines["turn_over_rasa"]["value"] == 25.0
    assert lines["turn_p99_over_rasa"]["value"] == pytest.approx(5 / 125, rel=1e-3)
    assert lines["opsdroid_message_over_echo"]["value"] == 0.4
    assert lines["rasa_turn_rate"]["broken"] == 0


def test_ratios_do_not_depend_on_the_speed_of_the_machine() -> None:
    """Rates are compared within a round, and the median of the rounds counts."""
    lines, _ = _rates({}, drift=(1.0, 1.0, 1.0))
    assert _rates({}, drift=(1.0, 1.1, 9.0))[0]["turn_over_echo"] == lines["turn_over_echo"]
    late = {"turn": (1.0, 1.0, 9.0)}  # the machine became faster during the second round
    assert (
        _rates({}, drift=(1.0, 9.0, 9.0), of=late)[0]["turn_over_echo"] == lines["turn_over_echo"]
    )


def test_targets_of_rasa_are_not_run_without_rasa() -> None:
    """They are named, with the reason."""
    lines, _ = _rates(dict.fromkeys(("turn_beside_rasa", "rasa_turn"), "not there"))
    assert lines["targets"]["not_run"] == ["turn_over_rasa", "turn_p99_over_rasa"]
    for name in ("rasa_turn_rate", "turn_over_rasa", "turn_p99_over_rasa"):
        assert (lines[name]["value"], lines[name]["why"]) == ("NOT RUN", "not there")


def test_no_target_needs_opsdroid() -> None:
    """Without it, its lines say NOT RUN."""
    lines, good = _rates({"opsdroid_echo": "not there", "opsdroid_message": "not there"})
    assert good
    assert lines["opsdroid_echo_rate"]["value"] == "NOT RUN"
    assert "opsdroid_echo_over_echo" not in lines
