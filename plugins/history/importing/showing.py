"""What an import shows while it runs and at its end."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from gateway import counted
from plugins.history.importing.importer import ImportResult
from plugins.history.importing.values import Progress as Position

LINE_EVERY = 5.0
"""Seconds between two lines where there is no terminal."""
MILLION = 1_000_000


@contextmanager
def shown_progress(position: Position) -> Iterator[Callable[[], None]]:
    """A line of progress on stderr; call what it yields when ``position`` has changed."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield _Lines(position).show
        return
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(),
               TextColumn("{task.fields[rate]}"), TimeRemainingColumn())  # fmt: skip
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("", total=None, rate="")
        begun: dict[str, float] = {}

        def show() -> None:
            began = begun.setdefault(position.stage, time.monotonic())
            bar.update(
                task,
                description=position.stage or "reading",
                completed=position.done,
                total=position.total or None,
                rate=_rate(position, began),
            )

        yield show


class _Lines:
    def __init__(self, position: Position) -> None:
        self._position, self._began, self._last, self._stage = position, 0.0, time.monotonic(), ""

    def show(self) -> None:
        now, position = time.monotonic(), self._position
        if self._stage != position.stage:
            self._stage, self._began = position.stage, now
        if now - self._last < LINE_EVERY:
            return
        self._last = now
        done = f"{position.done:,}" if position.unit != "bytes" else _megabytes(position.done)
        of = ""
        if position.total:
            total = position.total
            of = f" of {f'{total:,}' if position.unit != 'bytes' else _megabytes(total)}"
            speed = position.done / max(now - self._began, 1e-6)
            left = (total - position.done) / speed if speed else 0
            of += f", about {left:.0f} s left"
        rate = _rate(position, self._began)
        unit = "" if position.unit == "bytes" else f" {position.unit}"
        print(f"{position.stage}: {done}{unit}{of}, {rate}", file=sys.stderr)  # noqa: T201  (progress)


def _rate(position: Position, began: float) -> str:
    speed = position.done / max(time.monotonic() - began, 1e-6)
    if position.unit == "bytes":
        return f"{_megabytes(int(speed))}/s"
    return f"{speed:,.0f} {position.unit}/s"


def _megabytes(size: int) -> str:
    return f"{size / MILLION:,.1f} MB"


def summary(result: ImportResult) -> list[str]:
    """What was imported and what not, for people."""
    added = result.added
    verb = "Imported" if result.record else "Would import"
    messages = counted(added.messages, "message")
    lines = [f"{verb} {messages} in {counted(added.conversations, 'conversation')}."]
    if added.extended:
        extended = counted(
            added.extended, "conversation that was here has", "conversations that were here have"
        )
        lines.append(f"{extended} more messages now.")
    for reason, number in sorted(result.skipped.items(), key=lambda item: -item[1]):
        places = result.examples.get(reason, ())
        such = f" (such as {'; '.join(places)})" if places else ""
        lines.append(f"Left out, {reason}: {number:,}{such}")
    if result.no_answers:
        first = "remove this import and name" if result.record else "name"
        lines.append(
            f"No message is from you. If you answered from other addresses, {first} them: "
            "--our-addresses help@shop.example,@shop.example"
        )
    if result.record:
        lines.append(
            f"It is import {result.record.id}; `warmline history remove {result.record.id}` takes "
            "it back."
        )
    return lines
