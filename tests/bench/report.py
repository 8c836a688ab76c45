"""What is printed."""

from __future__ import annotations

import sys
from typing import TextIO

import msgspec


class Report:
    """Lines of JSON; ``good`` while every target was met."""

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self.good = True

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

    def lack(self, name: str, target: str) -> None:
        """A figure that must be had and was not."""
        self.good = False
        told = {"name": name, "value": None, "target": target, "ok": False}
        self._write(told | {"why": "no figure was measured"})

    def _judged(
        self, name: str, value: float, unit: str, target: str, *, ok: bool, more: dict[str, object]
    ) -> None:
        self.good &= ok
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
