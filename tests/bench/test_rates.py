"""Ratios of the bursts, and which of them are targets."""

from __future__ import annotations

import io
from typing import Any

import msgspec
import pytest

from tests.bench.load import Round
from tests.bench.plan import LEAST, MOST
from tests.bench.rates import Seen, tell_rates
from tests.bench.report import Report

KINDS = {"echo": 1000, "accept": 600, "turn": 120, "accept_while_working": 300,
         "turn_with_past": 110, "accept_with_past": 590, "opsdroid_echo": 500,
         "opsdroid_message": 400, "turn_beside_rasa": 125, "rasa_turn": 5}  # fmt: skip
OURS = {"cold_start", "memory"}
"""Targets of other stages."""


def _seen(rate: float, p99: float) -> Seen:
    one = Round(good=round(rate), bad=0, broken=0, seconds=1.0, p50=p99 / 2, p99=p99)
    return Seen(round=one, cpu=1 / rate)


def _told(
    absent: dict[str, str],
    drift: tuple[float, ...] = (0.5, 1, 3),
    of: dict[str, tuple[float, ...]] | None = None,
) -> tuple[dict[str, Any], bool]:
    out = io.StringIO()
    report = Report(out, (LEAST.keys() | MOST.keys()) - OURS)
    tell_rates(
        report,
        {name: [_seen(rate * factor, 10 / rate) for factor in (of or {}).get(name, drift)]
         for name, rate in KINDS.items() if name not in absent},
        absent,
    )  # fmt: skip
    report.close()
    lines = [msgspec.json.decode(line) for line in out.getvalue().splitlines()]
    return {line["name"]: line for line in lines}, report.good


def test_every_ratio_is_judged() -> None:
    """Every target of the rates has its line."""
    told, good = _told({})
    assert told["targets"] == {
        "name": "targets", "held": 6, "missed": [], "not_run": [], "ok": True,
    }  # fmt: skip
    assert good
    assert told["accept_over_echo"]["value"] == 0.6
    assert told["turn_over_rasa"]["value"] == 25.0
    assert told["turn_p99_over_rasa"]["value"] == pytest.approx(5 / 125, rel=1e-3)
    assert told["opsdroid_message_over_echo"]["value"] == 0.4
    assert told["rasa_turn_rate"]["broken"] == 0


def test_a_machine_that_grew_faster_changed_a_ratio() -> None:
    """What is compared was measured in the same round."""
    told, _ = _told({}, drift=(1.0, 1.0, 1.0))
    assert _told({}, drift=(1.0, 1.1, 9.0))[0]["turn_over_echo"] == told["turn_over_echo"]
    late = {"turn": (1.0, 1.0, 9.0)}  # the machine grew faster within the second round
    assert _told({}, drift=(1.0, 9.0, 9.0), of=late)[0]["turn_over_echo"] == told["turn_over_echo"]


def test_without_rasa() -> None:
    """Without a Rasa its two targets are NOT RUN, by name and with the reason."""
    told, _ = _told(dict.fromkeys(("turn_beside_rasa", "rasa_turn"), "not there"))
    assert told["targets"]["not_run"] == ["turn_over_rasa", "turn_p99_over_rasa"]
    for name in ("rasa_turn_rate", "turn_over_rasa", "turn_p99_over_rasa"):
        assert (told[name]["value"], told[name]["why"]) == ("NOT RUN", "not there")


def test_without_opsdroid() -> None:
    """Without opsdroid its lines say so; no target hangs on it."""
    told, good = _told({"opsdroid_echo": "not there", "opsdroid_message": "not there"})
    assert good
    assert told["opsdroid_echo_rate"]["value"] == "NOT RUN"
    assert "opsdroid_echo_over_echo" not in told
