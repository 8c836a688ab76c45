"""The data of the benchmark, and how examples are drawn from them.

Public data lie outside the project: in ``../shared/data`` or the folder in ``UNDERSTANDING_DATA``,
and in the folders that other variables name. Sentences of our own are in
``tests/understanding_data``, whose README says who wrote them.
"""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from gateway.ops.labelled_rows import Row, read_rows

FOLDER = Path(os.environ.get("UNDERSTANDING_DATA", "../shared/data"))
OWN = Path(__file__).parents[2] / "understanding_data"
HALVES: Mapping[str, slice] = {"seen": slice(0, None, 2), "unseen": slice(1, None, 2)}
"""The rows of ``calm.csv`` and ``harm.csv``: whoever improves the engine may read the first half;
nobody may read the second, or tune by its figures."""
QUICK = os.environ.get("WARMLINE_BENCH_QUICK") == "1"
SEEDS = range(1 if QUICK else 5)
Figures: TypeAlias = dict[str, Any]

NAMES = (
    *("Sarah Thompson", "Jürgen Schäfer", "Amélie Lefèvre", "José Hernández", "Giulia Bianchi"),
    *("João Pereira", "Sanne de Vries", "Łukasz Wójcik", "Åsa Lindström", "Ayşe Yılmaz"),
    *("Ahmed Hassan", "Yuki Tanaka"),
)
NOISE: tuple[Callable[[random.Random], str], ...] = (
    lambda dice: f"#{dice.choice('ABMZ')}-{dice.randrange(10_000, 99_999)}",
    lambda dice: f"https://shop.example/track?id={dice.randrange(10_000)}",
    lambda dice: dice.choice("😀🙏😡📦❤🎉"),
    lambda dice: dice.choice(NAMES),
    lambda dice: f"mail{dice.randrange(100)}@example.org",
)


def missing(data: str, *parts: str) -> Figures | None:
    """A line that names the missing files of ``data``; None when there are none. ``parts`` are the
    endings of their names, if it has several files."""
    names = [f"{data}_{part}.csv" for part in parts] or [f"{data}.csv"]
    gone = [name for name in names if not (FOLDER / name).is_file()]
    return skipped(data, f"{', '.join(gone)} not found") if gone else None


def skipped(what: str, why: str) -> Figures:
    """A line that says why ``what``, some data or an engine, is not measured here."""
    return {"bench": "understanding", "lacks": what, "skipped": why}


def named_folder(data: str, variable: str, source: str, *files: str) -> Path | Figures:
    """The folder in the environment's ``variable`` with all ``files`` of ``data``; else a line
    that says what is missing, and where it can be downloaded."""
    folder = os.environ.get(variable)
    if not folder:
        return skipped(data, f"{data}: {variable} names no folder; download {source}")
    gone = [name for name in files if not (Path(folder) / name).is_file()]
    return skipped(data, f"{', '.join(gone)} not found in {variable}") if gone else Path(folder)


def rows(name: str, label: str, *, allowed: frozenset[str] | None = None) -> list[Row]:
    return read_rows(FOLDER / f"{name}.csv", label, allowed=allowed)


def draw(rows: Sequence[Row], count: int, seed: int) -> list[Row]:
    """``count`` examples of each intent, as the data's README says."""
    dice = random.Random(seed)  # noqa: S311  (everybody gets the same draw)
    by_intent: dict[str, list[Row]] = {}
    for row in rows:
        by_intent.setdefault(row[1], []).append(row)
    return [row for name in sorted(by_intent) for row in dice.sample(by_intent[name], count)]


def with_noise(rows: Sequence[Row], seed: int = 0) -> list[Row]:
    """Rows as customers write them: each with two of an order number, a link, an emoji, a person's
    name from any of the languages, and a mail address, between two of its words or at an end."""
    dice = random.Random(seed)  # noqa: S311  (everybody gets the same noise)
    found = []
    for text, label in rows:
        words = text.split()
        for noise in dice.sample(NOISE, 2):
            words.insert(dice.randint(0, len(words)), noise(dice))
        found.append((" ".join(words), label))
    return found


def mean(draws: Sequence[Mapping[str, float | None]]) -> Figures:
    """The mean of each figure over the draws that have it; None where none has."""
    return {key: _mean([figures[key] for figures in draws]) for key in draws[0]}


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return float(np.mean(known)) if known else None
