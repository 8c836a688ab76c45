"""The emotional tone of English text: a linear model learnt from GoEmotions.

The coefficients are data of this package (``data/emotion.npz``, see ``data/NOTICE``): numbers and
n-grams, none of the comments they were learnt from. `training` makes the file.
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

from ..text import fold

GramWeights: TypeAlias = Mapping[str, complex]
"""For each n-gram that occurs once: its part of the sum, and of the square of the length. The two
are one complex number, which takes a third of a tuple's memory, and one addition."""

EMOTION_FILE = "emotion.npz"

CACHED_WORDS = 4096
"""Words whose known pieces are cached."""

_TOKEN = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*|[!?]+|[^\w\s,.;:'\"()-]")
_ADDRESS = re.compile(r"https?://\S+|www\.\S+|(?<!\S)[^\s@]+@\S+\.\w+|[@#]\w+|\[[A-Z]+\]")


def emotion_tokens(text: str) -> list[str]:
    """The words, marks and emoji of ``text``, without links, handles and placeholders."""
    return _TOKEN.findall(fold(_ADDRESS.sub(" ", text)))


def token_grams(tokens: Sequence[str]) -> list[str]:
    """Tokens, and pairs of neighbours."""
    return [*tokens, *[f"{a} {b}" for a, b in pairwise(tokens)]]


def piece_grams(tokens: Sequence[str]) -> list[str]:
    """Pieces of three to five characters within tokens: they forgive typos and endings."""
    return [piece for token in tokens for piece in _pieces(token)]


def _pieces(token: str) -> list[str]:
    padded = f" {token} "
    size = len(padded)
    return [padded[i : i + n] for n in (3, 4, 5) for i in range(size - n + 1)]


GRAM_KINDS: tuple[Callable[[Sequence[str]], list[str]], ...] = (token_grams, piece_grams)


class ToneModel:
    """Scores how much English words sound like someone in need.

    ``arrays`` are those of `training.learn_emotion`; `load` reads the ones of this package.
    ``sign_weights`` weigh each sign of distress, and ``offset``, on the scale of log-odds.
    ``source`` has ``name``, ``licence`` and ``sha256`` of the file it was learnt from.
    """

    def __init__(self, arrays: Mapping[str, Any]) -> None:
        grams = arrays["grams"].tobytes().decode().split("\n")
        idf, weights = arrays["idf"].astype(float), arrays["weights"].astype(float)
        first = int(arrays["words"])
        rows: list[complex] = (idf * weights + 1j * (idf * idf)).tolist()
        self._tokens = dict(zip(grams[:first], rows[:first], strict=True))
        self._pieces = dict(zip(grams[first:], rows[first:], strict=True))
        # The same words recur, and most of their pieces are unknown.
        self._token_pieces = lru_cache(CACHED_WORDS)(
            lambda token: _known_grams(_pieces(token), self._pieces)
        )
        self._bias = float(arrays["bias"])
        metadata = json.loads(arrays["told"].tobytes())
        self.sign_weights: Mapping[str, float] = metadata["join"]
        self.source: Mapping[str, str] = metadata["source"]

    @classmethod
    def load(cls) -> ToneModel:
        source = files("plugins.nlu_local").joinpath("data", EMOTION_FILE)
        with source.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            return cls({name: arrays[name] for name in arrays.files})

    def score(self, text: str) -> float:
        """The log-odds that readers find anger, fear, sadness or the like in ``text``, relative
        to average text."""
        tokens = emotion_tokens(text)
        whole = _score([_known_grams(token_grams(tokens), self._tokens)], self._tokens)
        pieces = [self._token_pieces(token) for token in tokens]
        return self._bias + whole + _score(pieces, self._pieces)


class KnownGrams(NamedTuple):
    """The known n-grams of a text, and their sums (see `GramWeights`) if each occurs once."""

    grams: tuple[str, ...]
    sums: complex


def _known_grams(grams: Sequence[str], weights: GramWeights) -> KnownGrams:
    known = [gram for gram in grams if gram in weights]
    return KnownGrams(tuple(known), sum([weights[gram] for gram in known], 0j))


def _score(parts: Sequence[KnownGrams], weights: GramWeights) -> float:
    """The score of tf-idf features of length 1 (scikit-learn's ``sublinear_tf``, ``l2``)."""
    sums = sum([part.sums for part in parts], 0j)
    grams = [gram for part in parts for gram in part.grams]
    if len(set(grams)) < len(grams):
        for gram, count in Counter(grams).items():
            if count > 1:
                frequency = 1.0 + log(count)
                weight = weights[gram]
                sums += complex(
                    weight.real * (frequency - count),
                    weight.imag * (frequency * frequency - count),
                )
    return sums.real / sqrt(sums.imag) if sums.imag else 0.0
