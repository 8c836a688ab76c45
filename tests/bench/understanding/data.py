"""The data, which lie outside the project (``../shared/data``, or what ``UNDERSTANDING_DATA``
names), and how examples are drawn from them."""

from __future__ import annotations

import os
import random
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from gateway.ops.evaluation import Row, read_rows

FOLDER = Path(os.environ.get("UNDERSTANDING_DATA", "../shared/data"))
QUICK = os.environ.get("WARMLINE_BENCH_QUICK") == "1"
SEEDS = range(1 if QUICK else 5)
Figures: TypeAlias = dict[str, Any]


def missing(data: str, *parts: str) -> Figures | None:
    """A line that tells which files of ``data`` are not there (``parts`` are what their names end
    with, if it has several); None when all are."""
    names = [f"{data}_{part}.csv" for part in parts] or [f"{data}.csv"]
    gone = [name for name in names if not (FOLDER / name).is_file()]
    return skipped(data, f"{', '.join(gone)} not found") if gone else None


def skipped(what: str, why: str) -> Figures:
    """A line that tells why ``what``, some data or an engine, is not measured here."""
    return {"bench": "understanding", "lacks": what, "skipped": why}


def rows(name: str, label: str, *, allowed: frozenset[str] | None = None) -> list[Row]:
    return read_rows(FOLDER / f"{name}.csv", label, allowed=allowed)


def draw(rows: Sequence[Row], count: int, seed: int) -> list[Row]:
    """``count`` examples of each intent, as the data's README says."""
    dice = random.Random(seed)  # noqa: S311  (the same draw for everybody)
    by_intent: dict[str, list[Row]] = {}
    for row in rows:
        by_intent.setdefault(row[1], []).append(row)
    return [one for name in sorted(by_intent) for one in dice.sample(by_intent[name], count)]


def mean(told: Sequence[Mapping[str, float | None]]) -> Figures:
    """The mean of each figure over the draws that have it; None where none has."""
    return {key: _mean([one[key] for one in told]) for key in told[0]}


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return float(np.mean(known)) if known else None
