"""Which of many texts are like another: tf-idf of the beginnings of words. Pure."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence

STEM = 5
"""Letters that stand for a word: enough to tell words apart, and to join their forms."""

SHARED = 2
"""Stems that two texts must have in common to be alike at all."""

_WORD = re.compile(r"[^\W\d_]{2,}")


class Likeness:
    """Compares a text with ``texts``, by cosine."""

    def __init__(self, texts: Sequence[str]) -> None:
        stems = [_stems(text) for text in texts]
        seen = Counter(stem for one in stems for stem in one)
        self._idf = {stem: math.log(1 + len(texts) / count) for stem, count in seen.items()}
        self._new = math.log(1 + len(texts)) if texts else 0.0
        self._vectors = [self._vector(one) for one in stems]

    def of(self, text: str) -> list[float]:
        """How alike ``text`` is to each, 0..1."""
        asked = self._vector(_stems(text))
        return [_cosine(asked, one) for one in self._vectors]

    def _vector(self, stems: set[str]) -> Mapping[str, float]:
        weights = {stem: self._idf.get(stem, self._new) for stem in stems}
        size = math.sqrt(sum(weight * weight for weight in weights.values())) or 1.0
        return {stem: weight / size for stem, weight in weights.items()}


def _stems(text: str) -> set[str]:
    return {word.casefold()[:STEM] for word in _WORD.findall(text)}


def _cosine(one: Mapping[str, float], other: Mapping[str, float]) -> float:
    shared = one.keys() & other.keys()
    return sum(one[stem] * other[stem] for stem in shared) if len(shared) >= SHARED else 0.0
