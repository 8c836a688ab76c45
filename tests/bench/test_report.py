"""What `make bench` prints is judged, also what it does not print."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from tests.bench.report import Report


def _told(report: Callable[[Report], None], *expected: str) -> tuple[list[dict[str, Any]], bool]:
    """The lines that ``report`` leaves when it is closed, and whether all is good."""
    out = io.StringIO()
    one = Report(out, expected)
    report(one)
    one.close()
    return [msgspec.json.decode(line) for line in out.getvalue().splitlines()], one.good


@pytest.mark.parametrize(
    ("judge", "held"),
    [
        (lambda one: one.judge("x", 0.55, "", 0.55), True),
        (lambda one: one.judge("x", 0.549, "", 0.55), False),
        (lambda one: one.judge("x", float("nan"), "", 0.55), False),
        (lambda one: one.bound("x", 2.99, "s", 3.0), True),
        (lambda one: one.bound("x", 3.0, "s", 3.0), False),
        (lambda one: one.bound("x", float("nan"), "s", 3.0), False),
    ],
)
def test_a_target(judge: Callable[[Report], None], held: bool) -> None:
    """A figure is held against its target; one that is no number does not hold."""
    [line, end], good = _told(judge, "x")
    assert (line["ok"], good) == (held, held)
    assert end == {
        "name": "targets", "held": int(held), "missed": [] if held else ["x"],
        "not_run": [], "ok": held,
    }  # fmt: skip


def test_a_target_without_a_line_passed() -> None:
    """A target that nothing was told of is missed, and named."""
    lines, good = _told(lambda one: one.judge("x", 1.0, "", 0.5), "x", "y")
    assert not good
    assert (lines[1]["name"], lines[1]["value"], lines[1]["ok"]) == ("y", None, False)
    assert lines[2]["missed"] == ["y"]


@pytest.mark.parametrize(("strict", "good"), [("0", True), ("1", False)])
def test_not_run(monkeypatch: pytest.MonkeyPatch, strict: str, good: bool) -> None:
    """What cannot be measured here is named with its reason; where nothing may be skipped it is
    as good as missed."""
    monkeypatch.setenv("WARMLINE_NO_SKIP", strict)
    lines, found = _told(lambda one: one.not_run("x", "no Rasa"), "x")
    assert found == good
    assert lines[0] == {"name": "x", "value": "NOT RUN", "why": "no Rasa"}
    assert lines[1]["not_run"] == ["x"]


def test_a_figure_alone() -> None:
    """What has no target changes nothing."""
    lines, good = _told(lambda one: one.tell("x", 0.123456, "s"))
    assert lines[0]["value"] == 0.1235
    assert good
