"""What the intent model sees of a message: words cut short, pairs of them, and pieces of words.

The same functions serve training (inside scikit-learn's vectoriser) and every message
afterwards, so that nothing is seen differently and scikit-learn is not loaded to serve.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from itertools import chain, pairwise

import numpy as np
from numpy.typing import NDArray

from .text import bounded, fold

Floats = NDArray[np.float32]

STEM = 5
"""Letters kept of a word: ``refunded`` and ``refunds`` are one. A stemmer for any language."""

LONG_STEM = 7

_ADDRESS = re.compile(r"https?://\S+|www\.\S+|(?<!\S)[^\s@]+@\S+\.\w+")
_DIGITS = re.compile(r"\d+")
_WORDS = re.compile(r"\w+")


@lru_cache(64)  # a batch: the three kinds of n-grams are made of it one after the other
def _clean(text: str) -> str:
    return _DIGITS.sub("0", _ADDRESS.sub(" url ", fold(bounded(text))))


def word_grams(text: str) -> list[str]:
    """Stems, pairs of neighbours, and pairs with one word between them."""
    words = [word[:STEM] for word in _WORDS.findall(_clean(text))]
    near = [f"{a} {b}" for a, b in pairwise(words)]
    far = [f"{a}_{b}" for a, b in zip(words, words[2:], strict=False)]
    return words + near + far


def char_grams(text: str) -> list[str]:
    """Pieces of two to four characters, never across words (scikit-learn's ``char_wb``)."""
    return [piece for word in _clean(text).split() for piece in _pieces(word)]


@lru_cache(4096)
def _pieces(word: str) -> tuple[str, ...]:
    """The pieces of one word. Few words are most of what is said, so they are remembered."""
    padded = f" {word} "
    size = len(padded)
    return tuple(padded[i : i + n] for n in (2, 3, 4) if n <= size for i in range(size - n + 1))


def stems(text: str) -> list[str]:
    """Words cut a little later: what `background` knows how common it is."""
    return [word[:LONG_STEM] for word in _WORDS.findall(_clean(text))]


def _clean_words(text: str) -> list[str]:
    return _clean(text).split()


def _itself(gram: str) -> tuple[str, ...]:
    return (gram,)


UNITS: tuple[tuple[Callable[[str], list[str]], Callable[[str], tuple[str, ...]]], ...] = (
    (word_grams, _itself),
    (_clean_words, _pieces),
    (stems, _itself),
)
"""The same n-grams as `GRAMS` in two steps: units of a message that come again and again in
others, and the n-grams of one unit."""

GRAMS: tuple[Callable[[str], list[str]], ...] = (word_grams, char_grams, stems)
PARTS = (0.447, 0.707, 0.548)
"""What each kind counts: pieces of words say more than words where examples are few. Of seven
mixtures the best on two public data sets."""


Found = tuple[list[int], list[str]]
"""Places of the n-grams that are known, and the others themselves."""

REMEMBERED = 4096
"""Units whose n-grams were looked up; some 2 MB."""


class Vocabulary:
    """Known n-grams of one kind: where each stands, and its inverse document frequency."""

    def __init__(self, places: Mapping[str, int], idf: Floats) -> None:
        self._places = places
        self.idf = idf
        self._found: dict[str, Found] = {}
        self._strange = float(idf.max(initial=1.0)) + 0.7
        """What an unknown n-gram weighs in `weigh`: ln 2 more than the rarest known one."""

    def __len__(self) -> int:
        return len(self.idf)

    def look_up(self, units: Sequence[str], grams: Callable[[str], tuple[str, ...]]) -> list[Found]:
        """Where the n-grams of each unit stand, and those that are not known; remembered."""
        found = self._found
        return [found.get(unit) or self._look(unit, grams(unit)) for unit in units]

    def _look(self, unit: str, grams: tuple[str, ...]) -> Found:
        if len(self._found) >= REMEMBERED:
            self._found.clear()
        found = self._found[unit] = (
            [self._places[gram] for gram in grams if gram in self._places],
            [gram for gram in grams if gram not in self._places],
        )
        return found

    def weigh_all(
        self, messages: Sequence[Sequence[Found]]
    ) -> tuple[NDArray[np.intp], Floats, NDArray[np.intp], Floats]:
        """`weigh` for many messages, each told by its units: places and weights of all, one
        message after the other; where each message begins (and the last one ends); and the known
        share of each."""
        many = len(messages)
        ids = [[place for known, _ in units for place in known] for units in messages]
        strange = [len({gram for _, other in units for gram in other}) for units in messages]
        sizes = [len(one) for one in ids]
        flat = np.fromiter(chain.from_iterable(ids), np.intp, sum(sizes))
        keys = np.repeat(np.arange(many), sizes) * len(self) + flat
        keys.sort()
        first = np.flatnonzero(np.diff(keys, prepend=-1))
        often = np.diff(np.append(first, len(keys)))
        owner, at = np.divmod(keys[first], max(len(self), 1))
        idf = self.idf[at]
        weights = (1.0 + np.log(often)) * idf
        norms = np.sqrt(np.bincount(owner, weights * weights, many))
        weights /= np.maximum(norms, 1e-9)[owner]
        mass = np.bincount(owner, idf, many)
        whole = mass + np.array(strange) * self._strange
        known = (mass / np.maximum(whole, 1e-9)).astype(np.float32)
        starts = np.searchsorted(owner, np.arange(many + 1))
        return at, weights.astype(np.float32), starts, known

    def weigh(self, grams: list[str]) -> tuple[NDArray[np.intp], Floats, float]:
        """Places, tf-idf weights of length 1 (scikit-learn's ``sublinear_tf`` and ``l2``), and
        the share 0..1 of the message's weight that is known."""
        counts = Counter(grams)
        known = [(self._places[g], n) for g, n in counts.items() if g in self._places]
        at = np.fromiter((p for p, _ in known), np.intp, len(known))
        often = np.fromiter((n for _, n in known), np.float32, len(known))
        idf = self.idf[at]
        weights = (1.0 + np.log(often)) * idf
        weights /= max(float(np.sqrt(weights @ weights)), 1e-9)
        mass = float(idf.sum())
        strange = (len(counts) - len(known)) * self._strange
        return at, weights.astype(np.float32), mass / max(mass + strange, 1e-9)
