"""Concepts: the encoder's word pieces, grouped by what they mean in all languages.

In the encoder's table the rows of `fire`, `Feuer`, `fuego` and `vuur` lie side by side. Pieces that
lie together are one concept, so what the linear model learns from a word in one language holds for
that word in the others.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..features import Floats

CONCEPTS = 4_096
"""Groups of the 128,010 pieces. Half as many mix meanings, more separate languages."""

PAIR_BITS = 15
"""Pairs of neighbouring concepts share 2 to the power of this many rows; they are hashed."""

CONCEPT_ROWS = CONCEPTS + (1 << PAIR_BITS)

DIRECTIONS = 96
"""Principal components of the table that pieces are grouped by."""

_HASH = np.uint32(2_654_435_761)
"""Knuth's multiplicative hash: the upper bits of the product are spread evenly."""


class ConceptBuckets(NamedTuple):
    """The rows of the concepts of a message, and of their pairs; each once, in order."""

    single: NDArray[np.intp]
    pairs: NDArray[np.intp]


def concept_buckets(concepts: NDArray[np.uint16]) -> ConceptBuckets:
    """The rows, below `CONCEPT_ROWS`, of a message with these concepts."""
    single = np.unique(concepts).astype(np.intp)
    wide = concepts.astype(np.uint32)
    mixed = (wide[:-1] * np.uint32(CONCEPTS) + wide[1:]) * _HASH  # overflow is meant
    pairs = np.unique(mixed >> np.uint32(32 - PAIR_BITS)).astype(np.intp) + CONCEPTS
    return ConceptBuckets(single, pairs)


def concepts_of(pieces: Sequence[int], groups: NDArray[np.uint16]) -> NDArray[np.uint16]:
    """The concept of each piece; ``groups`` has that of every piece of the table."""
    return groups[np.fromiter(pieces, np.intp, len(pieces))]


def group_pieces(table: Floats) -> NDArray[np.uint16]:
    """The concept of each row of the encoder's ``table``, by k-means on its directions."""
    from sklearn.cluster import MiniBatchKMeans  # noqa: PLC0415  (slow to import)

    unit = _of_length_one(table - table.mean(axis=0))
    _, directions = np.linalg.eigh(unit.T @ unit)
    reduced = _of_length_one(unit @ directions[:, -DIRECTIONS:])
    groups = MiniBatchKMeans(
        CONCEPTS, init="random", n_init=1, max_iter=12, batch_size=8_192, random_state=0
    ).fit(reduced)
    return np.asarray(groups.predict(reduced), np.uint16)


def _of_length_one(rows: Floats) -> Floats:
    return np.asarray(rows / (np.linalg.norm(rows, axis=1, keepdims=True) + 1e-6), np.float32)
