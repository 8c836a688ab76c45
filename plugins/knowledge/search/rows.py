"""Vectors of one byte a number: growing tables of them, and their products with questions."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Bytes = NDArray[np.int8]
Numbers = NDArray[np.intp]

BLOCK = 4_096
"""Rows that are multiplied together: as floats they still fit into the processor's cache."""
FIRST = 256
"""Rows of a new table."""


def unit(rows: Floats) -> Floats:
    """``rows`` with norm 1; a row of zeros stays."""
    norms = np.linalg.norm(rows, axis=-1, keepdims=True)
    return np.asarray(rows / np.maximum(norms, 1e-9), np.float32)


def to_bytes(rows: Floats) -> tuple[Bytes, Floats]:
    """``rows`` in 8 bits, and for each the factor that makes it floats of norm 1 again. The cosine
    of two changes by less than 0.01."""
    largest = np.maximum(np.abs(rows).max(axis=1, keepdims=True), 1e-9)
    small = np.rint(rows * (127 / largest)).astype(np.int8)
    norms = np.linalg.norm(small.astype(np.float32), axis=1)
    return small, (1 / np.maximum(norms, 1e-9)).astype(np.float32)


class RowTable:
    """A growing table of rows of norm 1. Rows that are freed are used again."""

    def __init__(self, size: int) -> None:
        self.size = size
        self._rows: Bytes = np.zeros((FIRST, size), np.int8)
        self._factors: Floats = np.zeros(FIRST, np.float32)
        self._free: list[int] = []
        self.used = 0
        """Rows from the start that were ever used. Those that are free have products of 0."""

    @property
    def memory(self) -> int:
        """Bytes."""
        return self._rows.nbytes + self._factors.nbytes

    def add(self, rows: Bytes, factors: Floats) -> Numbers:
        """Store ``rows``; return their numbers."""
        reused = [self._free.pop() for _ in range(min(len(self._free), len(rows)))]
        first, self.used = self.used, self.used + len(rows) - len(reused)
        while self.used > len(self._rows):
            self._grow()
        at = np.array([*reused, *range(first, self.used)], np.intp)
        self._rows[at], self._factors[at] = rows, factors
        return at

    def put(self, at: int, row: Bytes, factor: float) -> None:
        """Store one row under a number of the caller's own."""
        while at >= len(self._rows):
            self._grow()
        self.used = max(self.used, at + 1)
        self._rows[at], self._factors[at] = row, factor

    def row(self, at: int) -> Floats:
        """One row as floats of norm 1."""
        return np.asarray(self._rows[at] * self._factors[at], np.float32)

    def free(self, at: Sequence[int] | Numbers) -> None:
        self._factors[at] = 0
        self._free += map(int, at)

    def clear(self, at: int) -> None:
        """Forget a row that `put` stored."""
        if at < len(self._factors):
            self._factors[at] = 0

    def products(self, queries: Floats) -> Floats:
        """The cosine of every used row with each of ``queries``: rows x queries."""
        found = np.empty((self.used, len(queries)), np.float32)
        across = np.ascontiguousarray(queries.T)
        for start in range(0, self.used, BLOCK):
            block = self._rows[start : min(start + BLOCK, self.used)].astype(np.float32)
            np.matmul(block, across, out=found[start : start + len(block)])
        found *= self._factors[: self.used, None]
        return found

    def products_of(self, at: Numbers, queries: Floats) -> Floats:
        """As `products`, of some rows."""
        found = self._rows[at].astype(np.float32) @ queries.T
        return np.asarray(found * self._factors[at, None], np.float32)

    def _grow(self) -> None:
        self._rows = np.concatenate([self._rows, np.zeros_like(self._rows)])
        self._factors = np.concatenate([self._factors, np.zeros_like(self._factors)])
