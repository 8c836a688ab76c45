"""The bench of understanding judges what it measured, and fails for what it did not."""

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


def told(*lines: Figures, parts: tuple[str, ...] = ("emotion",)) -> tuple[bool, dict[str, Any]]:
    """Whether all is well, and by name of a target whether it was met."""
    out = io.StringIO()
    report = Report(out)
    for line in lines:
        judge(line, report)
    report_unmeasured(parts, lines, report)
    found = [json.loads(line) for line in out.getvalue().splitlines()]
    return report.good, {one["name"]: one["ok"] for one in found}


def test_all_that_was_measured_is_judged() -> None:
    """Each target of the part once."""
    good, names = told(*BOTH)
    assert good
    assert len(names) == 4
    low = {"data": "airline_dev", "engine": SEMANTIC, **WHOLE, "auroc": 0.84}
    good, names = told(BOTH[0], low)
    assert not good
    assert [name for name, ok in names.items() if not ok] == [f"airline_dev.{SEMANTIC}.auroc"]


@pytest.mark.parametrize("lines", [
    [BOTH[0]],
    [BOTH[0], {"data": "airline_dev", "engine": SEMANTIC, "auroc": 0.9,
               "recall_at_precision_90": None}],
    [],
])  # fmt: skip
def test_a_target_without_a_figure_is_missed(lines: list[Figures]) -> None:
    """No line, a line without the figure, or with none in it."""
    good, names = told(*lines)
    assert not good
    assert not all(names.values())


def test_what_is_not_here_is_skipped_by_name() -> None:
    """Data or the extra that are absent are no failure, and other parts were not asked for."""
    assert told(skipped("airline_dev", "airline_dev.csv not found")) == (True, {})
    good, names = told(BOTH[0], skipped(SEMANTIC, "not installed"))
    assert good
    assert len(names) == 2
    good, names = told(skipped("clinc150", "gone"), skipped(SEMANTIC, "gone"), parts=("intents",))
    assert not good
    assert {name.split(".")[0] for name in names} == {"banking77 x10", "banking77 x5"}
