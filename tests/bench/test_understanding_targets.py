"""The benchmark of understanding compares its figures with their targets."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest

from tests.bench.report import Report
from tests.bench.understanding.data import Figures, skipped
from tests.bench.understanding.engines import SEMANTIC
from tests.bench.understanding.results import judge, report_unmeasured

WHOLE = {"auroc": 0.9, "recall_at_precision_90": 0.7}
BOTH: list[Figures] = [
    {"data": "airline_dev", "engine": engine, **WHOLE} for engine in ("nlu_local", SEMANTIC)
]


def run(*lines: Figures, parts: tuple[str, ...] = ("emotion",)) -> tuple[bool, dict[str, Any]]:
    """Whether every target was met, and each target's name with whether it was."""
    out = io.StringIO()
    report = Report(out)
    for line in lines:
        judge(line, report)
    report_unmeasured(parts, lines, report)
    found = [json.loads(line) for line in out.getvalue().splitlines()]
    return report.good, {one["name"]: one["ok"] for one in found}


def test_every_target_of_a_part_is_compared_once() -> None:
    """A figure below its target is named."""
    good, names = run(*BOTH)
    assert good
    assert len(names) == 4
    low = {"data": "airline_dev", "engine": SEMANTIC, **WHOLE, "auroc": 0.84}
    good, names = run(BOTH[0], low)
    assert not good
    assert [name for name, ok in names.items() if not ok] == [f"airline_dev.{SEMANTIC}.auroc"]


@pytest.mark.parametrize("lines", [
    [BOTH[0]],
    [BOTH[0], {"data": "airline_dev", "engine": SEMANTIC, "auroc": 0.9,
               "recall_at_precision_90": None}],
    [],
])  # fmt: skip
def test_a_target_without_a_figure_is_missed(lines: list[Figures]) -> None:
    """There is no line, or the line has no such figure, or the figure is null."""
    good, names = run(*lines)
    assert not good
    assert not all(names.values())


def test_missing_data_and_engines_are_skipped_by_name() -> None:
    """Their targets are not missed, and neither are those of parts that do not run."""
    assert run(skipped("airline_dev", "airline_dev.csv not found")) == (True, {})
    good, names = run(BOTH[0], skipped(SEMANTIC, "not installed"))
    assert good
    assert len(names) == 2
    good, names = run(skipped("clinc150", "gone"), skipped(SEMANTIC, "gone"), parts=("intents",))
    assert not good
    assert {name.split(".")[0] for name in names} == {"banking77 x10", "banking77 x5"}
