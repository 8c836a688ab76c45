"""What the benchmark prints: figures, how they compare with their targets, and the outcome."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TextIO

import msgspec

HELD, MISSED, BROKEN = 0, 1, 3
"""Exit codes: every target was met; a target was missed; the benchmark itself failed. (2 is for
arguments that are wrong.)"""
NO_FIGURE = "no figure was measured"


class BenchError(Exception):
    """The benchmark itself failed: a server did not start, or answered wrongly. Its figures say
    nothing about the targets."""


class Report:
    """Lines of JSON. ``expected`` are the names of the targets of this run.

    A target that no figure was printed for is missed when the report is closed. If the benchmark
    broke, it is not measured instead. A target that is NOT RUN, with the reason, counts as missed
    only if the environment variable WARMLINE_NO_SKIP is 1.
    """

    def __init__(self, out: TextIO, expected: Iterable[str] = ()) -> None:
        self._out = out
        self._open = dict.fromkeys(expected)
        self._held: list[str] = []
        self._missed: list[str] = []
        self._not_run: list[str] = []
        self._broken: str | None = None
        self._strict = os.environ.get("WARMLINE_NO_SKIP") == "1"

    @property
    def good(self) -> bool:
        """Whether every target was met."""
        return self.exit_code == HELD

    @property
    def exit_code(self) -> int:
        if self._broken is not None:
            return BROKEN
        missed = self._missed or self._open or (self._strict and self._not_run)
        return MISSED if missed else HELD

    @contextmanager
    def closing(self) -> Iterator[None]:
        """Close the report after the block. An exception is printed, and makes it broken."""
        try:
            yield
        except Exception as error:  # noqa: BLE001  (the exit code tells it from a missed target)
            traceback.print_exc()
            self.broken(str(error) or type(error).__name__)
        finally:
            self.close()

    def figure(self, name: str, value: float | str, unit: str, **more: object) -> None:
        """Print a figure without a target."""
        self._write({"name": name, "value": _rounded(value), "unit": unit, **more})

    def line(self, values: dict[str, object]) -> None:
        """Print several figures that belong together, without a target."""
        self._write({k: _rounded(v) if isinstance(v, float) else v for k, v in values.items()})

    def judge(self, name: str, value: float, unit: str, least: float, **more: object) -> None:
        """Print a figure whose target is at least ``least``."""
        self._judged(name, value, unit, f">= {least:g}", ok=value >= least, more=more)

    def bound(self, name: str, value: float, unit: str, most: float, **more: object) -> None:
        """Print a figure whose target is below ``most``."""
        self._judged(name, value, unit, f"< {most:g}", ok=value < most, more=more)

    def cap(self, name: str, value: float, unit: str, most: float, **more: object) -> None:
        """Print a figure whose target is at most ``most``."""
        self._judged(name, value, unit, f"<= {most:g}", ok=value <= most, more=more)

    def lack(self, name: str, target: str = "") -> None:
        """Count a target as missed because it has no figure."""
        self._open.pop(name, None)
        self._missed.append(name)
        line = {"name": name, "value": None, "target": target, "ok": False}
        self._write(line | {"why": NO_FIGURE})

    def not_run(self, name: str, why: str) -> None:
        """Print that ``name``, a target or another figure, cannot be measured on this machine."""
        if name in self._open:
            del self._open[name]
            self._not_run.append(name)
        self._write({"name": name, "value": "NOT RUN", "why": why})

    def broken(self, why: str) -> None:
        """Print that the benchmark itself failed."""
        self._broken = why
        self._write({"name": "broken", "why": why})

    def close(self) -> None:
        """Print the last line: how many targets were met, and which were not."""
        not_measured = list(self._open) if self._broken is not None else []
        for name in () if not_measured else tuple(self._open):
            self.lack(name)
        self._write({
            "name": "targets", "held": len(self._held), "missed": self._missed,
            "not_run": self._not_run, "not_measured": not_measured, "broken": self._broken,
            "ok": self.good,
        })  # fmt: skip

    def _judged(
        self, name: str, value: float, unit: str, target: str, *, ok: bool, more: dict[str, object]
    ) -> None:
        self._open.pop(name, None)
        (self._held if ok else self._missed).append(name)
        line = {"name": name, "value": _rounded(value), "unit": unit, "target": target, "ok": ok}
        self._write(line | more)

    def _write(self, line: dict[str, object]) -> None:
        self._out.write(f"{msgspec.json.encode(line).decode()}\n")
        self._out.flush()


def say(text: str) -> None:
    """Print progress for the person who waits, on stderr."""
    sys.stderr.write(f"{text}\n")


def guarded(main: Callable[[], int]) -> int:
    """The exit code of ``main``; `BROKEN`, and the traceback on stderr, if it raises."""
    try:
        return main()
    except Exception:  # noqa: BLE001  (Python's own exit code would be that of a missed target)
        traceback.print_exc()
        return BROKEN


def say_outcome(exit_code: int) -> None:
    """Print what ``exit_code`` means, on stderr."""
    meanings = {
        HELD: "every target was met",
        MISSED: "a target was missed; the last lines on stdout name it",
        BROKEN: "the benchmark itself failed, so it says nothing about the targets; see the error",
    }
    say(f"bench: {meanings.get(exit_code, f'exit code {exit_code}')}")


def _rounded(value: float | str) -> float | str:
    return value if isinstance(value, str) else float(f"{value:.4g}")
