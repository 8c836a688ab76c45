"""How the reading of a source is shown: a bar on a terminal, lines elsewhere."""

from __future__ import annotations

import sys
from types import TracebackType
from typing import Self

import click
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn

from gateway import counted
from plugins.knowledge.sources.checks import SourceCheck
from plugins.knowledge.sources.refresh import ReadProgress

MOST_SHOWN = 20
"""Skipped places that a summary names."""
WIDTH = 60


class ReadingDisplay:
    """Shows what is being read, and then what came of it."""

    def __init__(self, location: str) -> None:
        self._location = location
        self._bar: Progress | None = None

    def __enter__(self) -> Self:
        console = Console(stderr=True)
        if console.is_terminal:
            columns = (
                SpinnerColumn(),
                BarColumn(),
                MofNCompleteColumn(),
                TextColumn("{task.description}"),
            )
            self._bar = Progress(*columns, console=console, transient=True)
            self._bar.start()
            self._task = self._bar.add_task(escape(self._location), total=None)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._bar is not None:
            self._bar.stop()

    def show(self, progress: ReadProgress) -> None:
        """Show that one place was read."""
        if self._bar is None:
            click.echo(f"{progress.location}: {progress.outcome}")
            sys.stdout.flush()
            return
        if progress.outcome.startswith("changed"):
            self._bar.console.print(
                f"{progress.location}: {progress.outcome}", markup=False, highlight=False
            )
        shown = progress.location
        if len(shown) > WIDTH:
            shown = f"…{shown[-WIDTH:]}"
        self._bar.update(
            self._task,
            completed=progress.done,
            total=progress.done + progress.waiting,
            description=escape(shown),
        )

    def summarise(self, check: SourceCheck) -> None:
        """Print what was read, skipped and why."""
        documents = check.added + check.changed + check.unchanged
        parts = [f"{check.added} new", f"{check.changed} changed", f"{check.unchanged} unchanged"]
        if check.gone:
            parts.append(f"{check.gone} gone")
        if check.same:
            parts.append(f"{check.same} the same as another")
        click.echo(
            f"{self._location}: {counted(documents, 'document')} with "
            f"{counted(check.passages, 'passage')} in {check.seconds:.1f} s "
            f"({', '.join(parts)})"
        )
        if check.skipped:
            click.echo(f"skipped {counted(len(check.skipped), 'place')}:")
            for place, why in check.skipped[:MOST_SHOWN]:
                click.echo(f"  {place}: {why}")
            if len(check.skipped) > MOST_SHOWN:
                click.echo(f"  and {len(check.skipped) - MOST_SHOWN} more")
        if check.cut_short:
            click.echo(f"stopped before the end: {check.cut_short}")
        if check.problem:
            click.echo(check.problem, err=True)
