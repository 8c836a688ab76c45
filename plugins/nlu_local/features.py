"""What the intent model sees of a message: words cut short, pairs of them, and pieces of words.

The same functions serve training (inside scikit-learn's vectoriser) and every message
afterwards, so that nothing is seen differently and scikit-learn is not loaded to serve.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from .text import bounded, fold

Floats = NDArray[np.float32]

STEM = 5
"""Letters kept of a word: ``refunded`` and ``refunds`` are one. A stemmer for any language."""

_ADDRESS = re.compile(r"https?://\S+|www\.\S+|\S+@\S+\.\w+")
_DIGITS = re.compile(r"\d+")
_WORDS = re.compile(r"\w+")
_SPACE = re.compile(r"\s+")


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
    found: list[str] = []
    for word in _SPACE.split(_clean(text)):
        padded = f" {word} "
        size = len(padded)
        for n in (2, 3, 4):
            found += [padded[i : i + n] for i in range(max(1, size - n + 1))] if word else []
            if size <= n:
                break
    return found


GRAMS: tuple[Callable[[str], list[str]], ...] = (word_grams, char_grams)
PARTS = (0.573, 0.819)
"""What each kind counts: pieces of words say more than words where examples are few."""


class Vocabulary:
    """Known n-grams of one kind: where each stands, and its inverse document frequency."""

    def __init__(self, places: Mapping[str, int], idf: Floats) -> None:
        self._places = places
        self.idf = idf
        self._strange = float(idf.max(initial=1.0)) + 0.7
        """What an unknown n-gram weighs in `weigh`: ln 2 more than the rarest known one."""

    def __len__(self) -> int:
        return len(self.idf)

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
