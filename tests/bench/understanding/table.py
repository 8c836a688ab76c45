"""All figures side by side, for whoever reads along."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich.console import Console
from rich.table import Table

from .data import Figures
from .targets import aim

NO_FIGURES = ("bench", "data", "engine", "seeds", "epochs")


def show(lines: Sequence[Figures]) -> None:
    """Print a table on stderr: a row for each figure, a column for each engine, targets in
    brackets; and below it what was skipped."""
    told = [line for line in lines if "engine" in line]
    engines = list(dict.fromkeys(line["engine"] for line in told))
    table = Table(title="Understanding")
    table.add_column("data")
    table.add_column("figure")
    for engine in engines:
        table.add_column(engine, justify="right")
    for data in dict.fromkeys(line["data"] for line in told):
        here = {line["engine"]: line for line in told if line["data"] == data}
        for number, key in enumerate(_keys(here.values())):
            cells = [_cell(here.get(engine), key) for engine in engines]
            table.add_row("" if number else data, key, *cells)
        table.add_section()
    console = Console(stderr=True)
    console.print(table)
    for why in dict.fromkeys(line["skipped"] for line in lines if "skipped" in line):
        console.print(f"skipped: {why}", markup=False, highlight=False)


def _keys(lines: Iterable[Figures]) -> list[str]:
    found = (key for line in lines for key in line)
    return [key for key in dict.fromkeys(found) if key not in NO_FIGURES]


def _cell(line: Figures | None, key: str) -> str:
    value = line.get(key) if line else None
    if line is None or value is None:
        return ""
    target = aim(line["data"], line["engine"], key)
    return f"{value:.3f}{f' [{target}]' if target else ''}"
