"""The features of a message for the intent model: stems of words, pairs of them, and pieces.

The same functions serve training (in scikit-learn's vectoriser) and every message afterwards, so
both see the same features and serving does not load scikit-learn.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from itertools import chain, pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .text import fold, truncate

Floats = NDArray[np.float32]

STEM_LETTERS = 5
"""Letters kept of a word: ``refunded`` and ``refunds`` are one. A stemmer for any language."""

LONG_STEM_LETTERS = 7

CACHED_UNITS = 4096
"""Units whose n-grams were looked up; about 2 MB."""

_ADDRESS = re.compile(r"https?://\S+|www\.\S+|(?<!\S)[^\s@]+@\S+\.\w+")
_DIGITS = re.compile(r"\d+")
_WORDS = re.compile(r"\w+")


@lru_cache(64)  # a batch: each of the three kinds of n-grams needs it in turn
def _clean(text: str) -> str:
    return _DIGITS.sub("0", _ADDRESS.sub(" url ", fold(truncate(text))))


def word_grams(text: str) -> list[str]:
    """Stems, pairs of neighbours, and pairs with one word between them."""
    words = [word[:STEM_LETTERS] for word in _WORDS.findall(_clean(text))]
    near = [f"{a} {b}" for a, b in pairwise(words)]
    far = [f"{a}_{b}" for a, b in zip(words, words[2:], strict=False)]
    return words + near + far


def char_grams(text: str) -> list[str]:
    """Pieces of two to four characters, never across words (scikit-learn's ``char_wb``)."""
    return [piece for word in _clean_words(text) for piece in _pieces(word)]


@lru_cache(4096)
def _pieces(word: str) -> tuple[str, ...]:
    """The pieces of one word; cached, as few words make up most messages."""
    padded = f" {word} "
    size = len(padded)
    return tuple(padded[i : i + n] for n in (2, 3, 4) if n <= size for i in range(size - n + 1))


def long_stems(text: str) -> list[str]:
    """Longer stems: the ones whose rarity is known from `mood.tone_training`."""
    return [word[:LONG_STEM_LETTERS] for word in _WORDS.findall(_clean(text))]


def _clean_words(text: str) -> list[str]:
    return _clean(text).split()


def _single(gram: str) -> tuple[str, ...]:
    return (gram,)


GRAM_KINDS: tuple[Callable[[str], list[str]], ...] = (word_grams, char_grams, long_stems)

GRAM_UNITS: tuple[tuple[Callable[[str], list[str]], Callable[[str], tuple[str, ...]]], ...] = (
    (word_grams, _single),
    (_clean_words, _pieces),
    (long_stems, _single),
)
"""The n-grams of `GRAM_KINDS` in two steps: the units of a message, which often recur in other
messages, and the n-grams of one unit."""

GRAM_WEIGHTS = (0.447, 0.707, 0.548)
"""The weight of each kind: pieces of words say more than words where examples are few. Of seven
mixtures the best on two public data sets."""


UnitGrams = tuple[list[int], list[str]]
"""The rows of the known n-grams of a unit, and its unknown n-grams."""


class GramVocabulary:
    """The known n-grams of one kind: the row of each, and its inverse document frequency."""

    def __init__(self, rows: Mapping[str, int], idf: Floats) -> None:
        self._rows = rows
        self.idf = idf
        self._cache: dict[str, UnitGrams] = {}
        self.unknown_idf = float(idf.max(initial=1.0)) + 0.7
        """The idf of an unknown n-gram: ln 2 more than that of the rarest known one."""

    def __len__(self) -> int:
        return len(self.idf)

    def look_up(
        self, units: Sequence[str], grams: Callable[[str], tuple[str, ...]]
    ) -> list[UnitGrams]:
        """The n-grams of each unit, known and unknown."""
        cache = self._cache
        return [cache.get(unit) or self._look_up(unit, grams(unit)) for unit in units]

    def _look_up(self, unit: str, grams: tuple[str, ...]) -> UnitGrams:
        if len(self._cache) >= CACHED_UNITS:
            self._cache.clear()
        found = self._cache[unit] = (
            [self._rows[gram] for gram in grams if gram in self._rows],
            [gram for gram in grams if gram not in self._rows],
        )
        return found


class WeighedGrams(NamedTuple):
    """The tf-idf weights of many messages, one after another: their rows, the vocabularies' rows
    counted one after another; the weights; where each message begins there (and the last one ends);
    and the known share (0..1) of the idf of each message (a row) and kind (a column)."""

    rows: NDArray[np.intp]
    weights: Floats
    starts: NDArray[np.intp]
    known: Floats


def weigh(
    vocabularies: Sequence[GramVocabulary],
    idf: Floats,
    messages: Sequence[Sequence[Sequence[UnitGrams]]],
) -> WeighedGrams:
    """The weights of many messages, each given by its units of each of ``vocabularies``, whose
    ``idf`` stand one after another.

    The weights of a message and kind have length 1 (scikit-learn's ``sublinear_tf`` and ``l2``).
    All kinds are weighed together: a lone message costs some thirty calls of numpy, not ninety.
    """
    kinds, total = len(vocabularies), len(idf)
    parts = [kind for message in messages for kind in message]
    known = [[row for rows, _ in units for row in rows] for units in parts]
    unknown = [len({gram for _, grams in units for gram in grams}) for units in parts]
    sizes = [len(rows) for rows in known]
    bases = np.cumsum([0, *map(len, vocabularies[:-1])])
    part_of = np.repeat(np.arange(len(parts)), sizes)
    keys = np.fromiter(chain.from_iterable(known), np.intp, len(part_of))
    keys += part_of * total + bases[part_of % kinds]
    keys.sort()
    first = np.flatnonzero(np.diff(keys, prepend=-1))
    frequency = np.diff(np.append(first, len(keys)))
    owner, rows = np.divmod(keys[first], max(total, 1))
    found = idf[rows]
    weights = (1.0 + np.log(frequency)) * found
    norms = np.sqrt(np.bincount(owner, weights * weights, len(parts)))
    weights /= np.maximum(norms, 1e-9)[owner]
    mass = np.bincount(owner, found, len(parts))
    rarest = [vocabulary.unknown_idf for vocabulary in vocabularies] * len(messages)
    whole = mass + np.array(unknown) * rarest
    shares = (mass / np.maximum(whole, 1e-9)).astype(np.float32).reshape(-1, kinds)
    starts = np.searchsorted(owner, np.arange(len(messages) + 1) * kinds)
    return WeighedGrams(rows, weights.astype(np.float32), starts, shares)
