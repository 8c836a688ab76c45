"""A sentence encoder for tests: words with the same meaning have the same direction."""

from __future__ import annotations

import re
from array import array
from collections.abc import Sequence
from hashlib import sha256

import numpy as np

from gateway import Embedding, WarmlineError

SIZE = 96
MEANINGS = (
    ("parcel", "package", "paket", "shipment"),
    ("cost", "price", "fee", "kostet", "charge"),
    ("warranty", "guarantee", "garantie"),
    ("days", "tage", "jours"),
    ("return", "zurückschicken", "returned"),
)
_CONCEPT = {word: words[0] for words in MEANINGS for word in words}


class FakeEncoder:
    """Adds up a random direction for each word. It counts the texts that it embedded."""

    def __init__(self, model: str | None = "fake 1") -> None:
        self.embedding_model = model
        self.texts: list[str] = []
        self.fails = False

    async def embed(self, texts: Sequence[str]) -> Sequence[Embedding]:
        if self.fails:
            raise WarmlineError("the encoder is out of order")
        self.texts += texts
        return [array("f", self._one(text)) for text in texts]

    def _one(self, text: str) -> list[float]:
        found = np.zeros(SIZE) + 1e-6
        for word in re.findall(r"\w+", text.lower()):
            found += self._direction(_CONCEPT.get(word, word))
        return [float(value) for value in found / np.linalg.norm(found)]

    def _direction(self, word: str) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
        seed = int.from_bytes(sha256(f"{self.embedding_model} {word}".encode()).digest()[:8])
        return np.random.default_rng(seed).normal(size=SIZE)
