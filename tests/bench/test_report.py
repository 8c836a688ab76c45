"""Figures are compared with their targets, and the outcome tells a missed target from a broken
benchmark."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from tests.bench.report import BROKEN, HELD, MISSED, BenchError, Report, guarded, say_outcome

Lines = list[dict[str, Any]]


def _run(measure: Callable[[Report], None], *expected: str) -> tuple[Lines, int]:
    """The lines of a run in which ``measure`` reports its figures, and the exit code."""
    out = io.StringIO()
    report = Report(out, expected)
    with report.closing():
        measure(report)
    return [msgspec.json.decode(line) for line in out.getvalue().splitlines()], report.exit_code


@pytest.mark.parametrize(
    ("judge", "held"),
    [
        (lambda report: report.judge("x", 0.55, "", 0.55), True),
        (lambda report: report.judge("x", 0.549, "", 0.55), False),
        (lambda report: report.judge("x", float("nan"), "", 0.55), False),
        (lambda report: report.bound("x", 2.99, "s", 3.0), True),
        (lambda report: report.bound("x", 3.0, "s", 3.0), False),
        (lambda report: report.bound("x", float("nan"), "s", 3.0), False),
        (lambda report: report.cap("x", 0.03, "", 0.03), True),
        (lambda report: report.cap("x", 0.031, "", 0.03), False),
        (lambda report: report.cap("x", float("nan"), "", 0.03), False),
    ],
)
def test_figures_are_compared_with_their_targets(
    judge: Callable[[Report], None], held: bool
) -> None:
    """A figure that is not a number misses its target. A missed target has exit code 1."""
    [line, end], code = _run(judge, "x")
    assert (line["ok"], code) == (held, HELD if held else MISSED)
    assert end == {
        "name": "targets", "held": int(held), "missed": [] if held else ["x"],
        "not_run": [], "not_measured": [], "broken": None, "ok": held,
    }  # fmt: skip


def test_a_target_without_a_figure_is_missed() -> None:
    """It is named, even if the benchmark printed nothing about it."""
    lines, code = _run(lambda report: report.judge("x", 1.0, "", 0.5), "x", "y")
    assert code == MISSED
    assert (lines[1]["name"], lines[1]["value"], lines[1]["ok"]) == ("y", None, False)
    assert lines[2]["missed"] == ["y"]


@pytest.mark.parametrize(("strict", "expected"), [("0", HELD), ("1", MISSED)])
def test_a_target_that_cannot_be_measured_is_named(
    monkeypatch: pytest.MonkeyPatch, strict: str, expected: int
) -> None:
    """It counts as missed only where nothing may be skipped."""
    monkeypatch.setenv("WARMLINE_NO_SKIP", strict)
    lines, code = _run(lambda report: report.not_run("x", "no Rasa"), "x")
    assert code == expected
    assert lines[0] == {"name": "x", "value": "NOT RUN", "why": "no Rasa"}
    assert lines[1]["not_run"] == ["x"]


def test_a_figure_without_a_target_does_not_change_the_outcome() -> None:
    """It is printed with four digits."""
    lines, code = _run(lambda report: report.figure("x", 0.123456, "s"))
    assert lines[0]["value"] == 0.1235
    assert code == HELD


@pytest.mark.parametrize("error", [BenchError("the server did not start"), KeyError("port")])
def test_a_broken_benchmark_is_no_missed_target(
    error: Exception, capsys: pytest.CaptureFixture[str]
) -> None:
    """An error has an exit code of its own, a line with the reason, and a traceback. Targets
    without a figure are then not measured; those that were missed before stay missed."""

    def measure(report: Report) -> None:
        report.judge("x", 0.1, "", 0.5)
        raise error

    [_, broken, end], code = _run(measure, "x", "y")
    assert code == BROKEN
    assert broken == {"name": "broken", "why": str(error)}
    assert (end["missed"], end["not_measured"]) == (["x"], ["y"])
    assert (end["broken"], end["ok"]) == (str(error), False)
    assert type(error).__name__ in capsys.readouterr().err


def test_a_part_that_raises_is_broken(capsys: pytest.CaptureFixture[str]) -> None:
    """Python's own exit code for a traceback is 1, that of a missed target."""
    assert guarded(lambda: MISSED) == MISSED

    def crash() -> int:
        raise KeyError("port")

    assert guarded(crash) == BROKEN
    assert "KeyError" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("code", "words"), [(HELD, "every target"), (MISSED, "missed"), (BROKEN, "benchmark itself")]
)
def test_the_outcome_is_printed(code: int, words: str, capsys: pytest.CaptureFixture[str]) -> None:
    """On stderr, for each exit code."""
    say_outcome(code)
    assert words in capsys.readouterr().err
