"""How English words sound to people: a linear model learnt from GoEmotions.

The coefficients are data of this package (``data/emotion.npz``, see ``data/NOTICE``): numbers and
n-grams, none of the comments they were learnt from. `learning` makes the file anew.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from importlib.resources import files
from itertools import pairwise
from math import log, sqrt
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from .text import fold

Analyser: TypeAlias = Callable[[Sequence[str]], list[str]]
Weights: TypeAlias = Mapping[str, tuple[float, float]]
"""What each n-gram adds to the sum and to the square of the length, where it comes once."""

FILE = "emotion.npz"

REMEMBERED = 4096
"""Words whose known pieces are remembered."""

_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*|[!?]+|[^\w\s,.;:'\"()-]")
_PLACE = re.compile(r"https?://\S+|www\.\S+|(?<!\S)[^\s@]+@\S+\.\w+|[@#]\w+|\[[A-Z]+\]")


def sounds(text: str) -> list[str]:
    """The words, marks and emoji of ``text``, without links, handles and placeholders."""
    return _WORD.findall(fold(_PLACE.sub(" ", text)))


def words(said: Sequence[str]) -> list[str]:
    """Words, and pairs of neighbours."""
    return [*said, *[f"{a} {b}" for a, b in pairwise(said)]]


def pieces(said: Sequence[str]) -> list[str]:
    """Pieces of three to five characters, within words: they forgive typos and endings."""
    found: list[str] = []
    for word in said:
        found += _cut(word)
    return found


def _cut(word: str) -> list[str]:
    padded = f" {word} "
    size = len(padded)
    return [padded[i : i + n] for n in (3, 4, 5) for i in range(size - n + 1)]


KINDS: tuple[Analyser, ...] = (words, pieces)


class Tone:
    """Tells of English words how much they sound like someone in need."""

    def __init__(self, arrays: Mapping[str, Any]) -> None:
        """``arrays`` are what `learning.learn` gives; `shipped` has those of this package."""
        grams = arrays["grams"].tobytes().decode().split("\n")
        idf, weights = arrays["idf"].astype(float), arrays["weights"].astype(float)
        first = int(arrays["words"])
        rows = list(zip((idf * weights).tolist(), (idf * idf).tolist(), strict=True))
        self._kinds = (
            dict(zip(grams[:first], rows[:first], strict=True)),
            dict(zip(grams[first:], rows[first:], strict=True)),
        )
        # The same words come again; of most of their pieces nothing is known.
        self._pieces = lru_cache(REMEMBERED)(lambda word: _known(_cut(word), self._kinds[1]))
        self._bias = float(arrays["bias"])
        told = json.loads(arrays["told"].tobytes())
        self.join: Mapping[str, float] = told["join"]
        """What each sign counts for distress, and ``offset``; on the scale of log-odds."""
        self.source: Mapping[str, str] = told["source"]
        """``name``, ``licence`` and ``sha256`` of the file it was learnt from."""

    @classmethod
    def shipped(cls) -> Tone:
        whole = files(__package__).joinpath("data", FILE)
        with whole.open("rb") as file, np.load(file, allow_pickle=False) as kept:
            return cls({name: kept[name] for name in kept.files})

    def of(self, text: str) -> float:
        """The log-odds that people hear anger, fear, sadness or the like in it, above those of
        what people commonly write."""
        said = sounds(text)
        whole, parts = self._kinds
        spoken = _score([_known(words(said), whole)], whole)
        return self._bias + spoken + _score([self._pieces(word) for word in said], parts)


class Known(NamedTuple):
    """N-grams of which something is known, and their sums if each comes once."""

    grams: tuple[str, ...]
    told: float
    square: float


def _known(grams: Sequence[str], weights: Weights) -> Known:
    found = [gram for gram in grams if gram in weights]
    total = size = 0.0
    for gram in found:
        told, square = weights[gram]
        total += told
        size += square
    return Known(tuple(found), total, size)


def _score(parts: Sequence[Known], weights: Weights) -> float:
    """The weights of tf-idf features of length 1 (scikit-learn's ``sublinear_tf``, ``l2``)."""
    total = size = 0.0
    grams: list[str] = []
    for part in parts:
        total += part.told
        size += part.square
        grams += part.grams
    if len(set(grams)) < len(grams):
        for gram, count in Counter(grams).items():
            if count > 1:
                told, square = weights[gram]
                times = 1.0 + log(count)
                total += told * (times - count)
                size += square * (times * times - count)
    return float(total / sqrt(size)) if size else 0.0
