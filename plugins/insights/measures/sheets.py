"""The tallies of a day, by groups of conversations, packed so that a year is added up at once.

A sheet has a cell for each combination of brand, channel, language, intent, team and mood that
occurred, and its counts as arrays.
"""

from __future__ import annotations

import base64
import zlib
from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec
import numpy as np

from plugins.insights.facts.case_facts import CaseFacts
from plugins.insights.measures.observe import observe
from plugins.insights.measures.tally import Observation, Tally
from plugins.insights.measures.values import DIMENSIONS, Dimension, Filters

Array = np.ndarray[Any, Any]
Cell = tuple[str, ...]
"""The value of each of `DIMENSIONS`."""
Slot = tuple[str, int]
"""A name and a bin."""


MOST_PLACES = 8_000_000
"""Cells times slots of a table that is held as a whole: 64 MB."""
_PENDING = "pending:"
_NO_NUMBERS: Array = np.zeros(0, dtype=np.int64)


class Sheet(NamedTuple):
    """``counts[i]`` of the slot ``slots[codes[i]]`` are in the cell ``cells[places[i]]``."""

    cells: tuple[Cell, ...]
    slots: tuple[Slot, ...]
    places: Array
    codes: Array
    counts: Array


def cell_of(case: CaseFacts) -> Cell:
    """The cell that ``case`` is in."""
    mood = case.mood_first or "unread"
    return (case.brand, case.channel, case.language, case.intent, case.team, mood)


def build_sheet(cases: Iterable[CaseFacts]) -> Sheet:
    """The sheet of the conversations of one day."""
    cells: dict[Cell, int] = {}
    slots: dict[Slot, int] = {}
    counts: dict[tuple[int, int], int] = {}
    for case in cases:
        cell = cells.setdefault(cell_of(case), len(cells))
        for name, value, times in observe(case):
            slot = slots.setdefault((name, int(value)), len(slots))
            counts[cell, slot] = counts.get((cell, slot), 0) + times
    pairs = np.array(sorted(counts), dtype=np.int64).reshape(-1, 2)
    return Sheet(
        cells=tuple(cells),
        slots=tuple(slots),
        places=pairs[:, 0],
        codes=pairs[:, 1],
        counts=np.array([counts[pair] for pair in sorted(counts)], dtype=np.int64),
    )


class _Packed(msgspec.Struct, array_like=True):
    cells: list[list[str]]
    slots: list[tuple[str, int]]
    places: tuple[str, bytes]
    codes: tuple[str, bytes]
    counts: tuple[str, bytes]


def pack(sheet: Sheet) -> str:
    """``sheet`` as a text."""
    packed = _Packed(
        [list(cell) for cell in sheet.cells],
        list(sheet.slots),
        *(_pack(array) for array in (sheet.places, sheet.codes, sheet.counts)),
    )
    return base64.b64encode(zlib.compress(msgspec.msgpack.encode(packed), 6)).decode()


def unpack(text: str) -> Sheet:
    """The sheet that `pack` was given. Raises ValueError when ``text`` is none."""
    try:
        data = zlib.decompress(base64.b64decode(text, validate=True))
        packed = msgspec.msgpack.decode(data, type=_Packed)
    except (zlib.error, msgspec.DecodeError) as error:
        raise ValueError(f"this is no sheet of tallies: {error}") from error
    places, codes, counts = (
        np.frombuffer(values, dtype=kind)
        for kind, values in (packed.places, packed.codes, packed.counts)
    )
    cells = tuple(tuple(cell) for cell in packed.cells)
    return Sheet(cells, tuple(packed.slots), places, codes, counts)


def _pack(array: Array) -> tuple[str, bytes]:
    """``array`` of whole numbers from 0, in as few bytes as they need."""
    kind = "<u2" if not len(array) or array.max() < 2**16 else "<u8"
    return kind, array.astype(kind).tobytes()


class SheetSums:
    """Sheets added up: one table of cells and slots for all days of a period.

    ``sheets`` are by day. The names that cannot count on a day yet (``waiting``) are under
    ``pending:NAME``.
    """

    def __init__(
        self,
        sheets: Mapping[str, Sheet],
        waiting: Callable[[str], Container[str]] = lambda day: (),  # noqa: ARG005
    ) -> None:
        cells: dict[Cell, int] = {}
        slots: dict[Slot, int] = {}
        parts: list[tuple[Array, Array, Array]] = []
        for day, sheet in sheets.items():
            named: Sequence[Slot] = sheet.slots
            if names := waiting(day):
                named = [(_PENDING + n if n in names else n, value) for n, value in named]
            to_cell, to_slot = _numbers(sheet.cells, cells), _numbers(named, slots)
            parts.append((to_cell[sheet.places], to_slot[sheet.codes], sheet.counts))
        self._slots = list(slots)
        self._cells = list(cells)
        self._columns: dict[int, tuple[dict[str, int], Array]] = {}
        self._size = len(cells)
        self._places, self._codes, self._counts = (
            np.concatenate([_NO_NUMBERS, *(part[i] for part in parts)]) for i in range(3)
        )
        self._join_days()

    def _join_days(self) -> None:
        """Add up what the days have in the same place, where the whole table is not too large."""
        width = len(self._slots)
        if not 0 < self._size * width <= MOST_PLACES:
            return
        sums = np.bincount(self._places * width + self._codes, weights=self._counts)
        found = np.flatnonzero(sums)
        self._places, self._codes = np.divmod(found, width)
        self._counts = sums[found].astype(np.int64)

    def tally(self, filters: Filters) -> Tally:
        """The tally of the cells that ``filters`` choose."""
        return self._sum(np.zeros(self._size, dtype=np.int64), self._chosen(filters), 1)[0]

    def by(self, dimension: Dimension, filters: Filters) -> Mapping[str, Tally]:
        """The tally of each value of ``dimension`` among the cells that ``filters`` choose."""
        values, of_cells = self._column(DIMENSIONS.index(dimension))
        tallies = self._sum(of_cells, self._chosen(filters), len(values))
        found = {value: tallies[number] for value, number in values.items()}
        return {value: found[value] for value in sorted(found) if found[value].counts}

    def split(self, chosen: Filters, among: Filters) -> tuple[Tally, Tally]:
        """The tally of the cells that both choose, and of the other cells of ``among``."""
        group = (~self._chosen(chosen)).astype(np.int64)
        first, rest = self._sum(group, self._chosen(among), 2)
        return first, rest

    def _chosen(self, filters: Filters) -> Array:
        """For each cell, whether ``filters`` choose it, as `matches` does."""
        chosen = np.ones(self._size, dtype=bool)
        for at, dimension in enumerate(DIMENSIONS):
            if wanted := getattr(filters, dimension):
                known, of_cells = self._column(at)
                numbers = [known[value] for value in wanted if value in known]
                chosen &= np.isin(of_cells, numbers)
        return chosen

    def _column(self, at: int) -> tuple[dict[str, int], Array]:
        """The number of each value of the dimension ``at``, and of each cell's value."""
        if at not in self._columns:
            values: dict[str, int] = {}
            self._columns[at] = values, _numbers([cell[at] for cell in self._cells], values)
        return self._columns[at]

    def _sum(self, group: Array, chosen: Array, groups: int) -> list[Tally]:
        """The tallies of ``groups`` groups; ``group`` is the number of each cell's."""
        if not len(self._counts):
            return [Tally() for _ in range(groups)]
        width = len(self._slots)
        weights = np.where(chosen[self._places], self._counts, 0)
        sums = np.bincount(
            group[self._places] * width + self._codes, weights=weights, minlength=groups * width
        ).astype(np.int64)
        return [self._as_tally(sums[i * width : (i + 1) * width]) for i in range(groups)]

    def _as_tally(self, sums: Array) -> Tally:
        found = np.flatnonzero(sums)
        slots = self._slots
        return Tally.of(
            Observation(*slots[slot], count)
            for slot, count in zip(found.tolist(), sums[found].tolist(), strict=True)
        )


def matches(cell: Cell, filters: Filters) -> bool:
    """Whether ``filters`` choose the conversations of ``cell``."""
    return all(
        not wanted or value in wanted
        for value, wanted in (
            (cell[at], getattr(filters, dimension)) for at, dimension in enumerate(DIMENSIONS)
        )
    )


def _numbers(keys: Sequence[Any], known: dict[Any, int]) -> Array:
    """The number of each of ``keys`` in ``known``, which gains those that are new."""
    return np.array([known.setdefault(key, len(known)) for key in keys], dtype=np.int64)
