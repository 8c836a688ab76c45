"""What is printed."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from typing import TextIO

import msgspec

NO_LINE = "no figure was measured"


class Report:
    """Lines of JSON. ``expected`` are the names of the targets of this run: `close` judges those
    that nothing was told of as missed.

    ``good`` while every target was met; one that was NOT RUN, by name and with its reason, is
    missed only where WARMLINE_NO_SKIP=1 forbids that.
    """

    def __init__(self, out: TextIO, expected: Iterable[str] = ()) -> None:
        self._out = out
        self._open = dict.fromkeys(expected)
        self._held: list[str] = []
        self._missed: list[str] = []
        self._not_run: list[str] = []
        self._strict = os.environ.get("WARMLINE_NO_SKIP") == "1"

    @property
    def good(self) -> bool:
        return not (self._missed or self._open or (self._strict and self._not_run))

    def tell(self, name: str, value: float | str, unit: str, **more: object) -> None:
        """A figure without a target."""
        self._write({"name": name, "value": _rounded(value), "unit": unit, **more})

    def line(self, told: dict[str, object]) -> None:
        """Several figures that belong together, without a target."""
        rounded = {k: _rounded(v) if isinstance(v, float) else v for k, v in told.items()}
        self._write(rounded)

    def judge(self, name: str, value: float, unit: str, least: float, **more: object) -> None:
        """A figure that must be at least ``least``."""
        self._judged(name, value, unit, f">= {least:g}", ok=value >= least, more=more)

    def bound(self, name: str, value: float, unit: str, most: float, **more: object) -> None:
        """A figure that must be below ``most``."""
        self._judged(name, value, unit, f"< {most:g}", ok=value < most, more=more)

    def lack(self, name: str, target: str = "") -> None:
        """A figure that must be had and was not."""
        self._open.pop(name, None)
        self._missed.append(name)
        told = {"name": name, "value": None, "target": target, "ok": False}
        self._write(told | {"why": NO_LINE})

    def not_run(self, name: str, why: str) -> None:
        """What cannot be measured here; a target, if it is one of those expected."""
        if name in self._open:
            del self._open[name]
            self._not_run.append(name)
        self._write({"name": name, "value": "NOT RUN", "why": why})

    def close(self) -> None:
        """Name the targets that nothing was told of, and how many held."""
        for name in tuple(self._open):
            self.lack(name)
        told = {"held": len(self._held), "missed": self._missed, "not_run": self._not_run}
        self._write({"name": "targets", **told, "ok": self.good})

    def _judged(
        self, name: str, value: float, unit: str, target: str, *, ok: bool, more: dict[str, object]
    ) -> None:
        self._open.pop(name, None)
        (self._held if ok else self._missed).append(name)
        told = {"name": name, "value": _rounded(value), "unit": unit, "target": target, "ok": ok}
        self._write(told | more)

    def _write(self, told: dict[str, object]) -> None:
        self._out.write(f"{msgspec.json.encode(told).decode()}\n")
        self._out.flush()


def say(text: str) -> None:
    """A word on how far it is, for whoever waits."""
    sys.stderr.write(f"{text}\n")


def _rounded(value: float | str) -> float | str:
    return value if isinstance(value, str) else float(f"{value:.4g}")
