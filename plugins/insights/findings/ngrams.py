"""Counts the n-grams of many texts at once, in whole arrays instead of word by word."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from scipy.sparse import csr_array

LONGEST = 6
"""Words of the longest phrase."""
MOST = 30_000
"""n-grams of one length that are kept: the most used."""
_PIECES = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*|[.!?;:,()\n\d]")
"""Words, and what ends a phrase."""


class PhraseCounts(NamedTuple):
    """``uses`` has a row for each text and a column for each of ``phrases``: 1 where it occurs."""

    phrases: tuple[str, ...]
    uses: csr_array


def count_phrases(texts: Sequence[str], weights: NDArray[np.int64], least: int) -> PhraseCounts:
    """The phrases of one to `LONGEST` words, without numbers and within a clause, that occur in
    texts of together at least ``least`` weight. A text weighs as many uses as it had.

    A phrase can be frequent only if both of its shorter parts are (Agrawal and Srikant 1994), so
    each length begins with what the one before left.
    """
    from scipy import sparse  # noqa: PLC0415  (slow to import)

    words, tokens, owners = _tokens(texts)
    names: list[str] = []
    rows, columns = [], []
    grams, labels, keys = tokens, words, np.arange(len(words))
    for length in range(1, LONGEST + 1):
        if length > 1:
            # The n-gram at i is the shorter one at i and the word behind it.
            following = np.append(tokens[length - 1 :], np.zeros(length - 1, np.int64))
            joined = np.where((grams > 0) & (following > 0), grams * len(words) + following, 0)
            keys, grams = np.unique(joined, return_inverse=True)
            if keys[0] != 0:
                keys, grams = np.append(0, keys), grams + 1
        present = np.flatnonzero(grams)
        pairs = np.unique(grams[present] * len(texts) + owners[present])
        gram, text = np.divmod(pairs, len(texts))
        kept = _kept(np.bincount(gram, weights[text], minlength=len(keys)), least)
        if not len(kept):
            break
        number = np.zeros(len(keys), np.int64)
        number[kept] = np.arange(1, len(kept) + 1)
        chosen = number[gram] > 0
        rows.append(text[chosen])
        columns.append(number[gram[chosen]] - 1 + len(names))
        if length == 1:
            labels = ["", *(words[at] for at in kept)]
            # A rare word is in no frequent phrase, so it ends one.
            tokens = np.where(number[tokens] > 0, tokens, 0)
        else:
            split = zip(*(part.tolist() for part in np.divmod(keys[kept], len(words))), strict=True)
            labels = ["", *(f"{labels[first]} {words[last]}" for first, last in split)]
        names += labels[1:]
        grams = number[grams]
    shape = (len(texts), len(names))
    if not names:
        return PhraseCounts((), sparse.csr_array(shape, dtype=np.int32))
    row, column = np.concatenate(rows), np.concatenate(columns)
    uses = sparse.csr_array((np.ones(len(row), np.int32), (row, column)), shape)
    return PhraseCounts(tuple(names), uses)


def _kept(uses: NDArray[Any], least: int) -> NDArray[np.intp]:
    """The numbers, from 1, of those with at least ``least`` uses, `MOST` at the most."""
    enough = uses >= least
    enough[0] = False
    if enough.sum() > MOST:
        enough &= uses > np.partition(uses[enough], -MOST - 1)[-MOST - 1]
    return np.flatnonzero(enough)


def _tokens(texts: Sequence[str]) -> tuple[list[str], NDArray[np.int64], NDArray[np.int64]]:
    """The words by number (0 is a break), the number of each piece of all texts, and its text."""
    numbers: dict[str, int] = {"": 0}
    flat: list[int] = []
    sizes: list[int] = []
    find = _PIECES.findall
    for text in texts:
        before = len(flat)
        flat += [
            numbers.setdefault(piece, len(numbers)) if piece[0].isalpha() else 0
            for piece in find(text.casefold())
        ]
        flat.append(0)
        sizes.append(len(flat) - before)
    owners = np.repeat(np.arange(len(texts)), sizes)
    return list(numbers), np.array(flat, np.int64), owners
