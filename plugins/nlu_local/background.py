"""How common English words are when people talk: what a few examples cannot tell.

Counts of word beginnings in the comments of GoEmotions (``data/background.npz``, see
``data/NOTICE``); `learning` makes the file anew. Only training reads it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from importlib.resources import files
from math import log
from pathlib import Path

import numpy as np

from .features import Floats, stems

FILE = "background.npz"
LEAST = 15
"""Comments in which a stem must be found, to be kept. Rarer ones are often of other languages,
where they may be common."""


def rarity(own: Sequence[str], counted: Floats) -> Floats:
    """The inverse document frequency of the stems ``own``: that of the background, and for those
    it does not know (names of products, other languages) ``counted``, that of the examples,
    stretched to the same range."""
    known, rarest = _load()
    stretch = rarest / max(float(counted.max(initial=1.0)), 1.0)
    found = [known.get(stem, stretch * idf) for stem, idf in zip(own, counted, strict=True)]
    return np.array(found, dtype=np.float32)


def _load() -> tuple[Mapping[str, float], float]:
    whole = files(__package__).joinpath("data", FILE)
    with whole.open("rb") as file, np.load(file, allow_pickle=False) as kept:
        names = kept["stems"].tobytes().decode().split("\n")
        idf = kept["idf"].astype(float).tolist()
        return dict(zip(names, idf, strict=True)), float(kept["rarest"])


def learn(texts: Sequence[str], folder: Path) -> None:
    """Count ``texts`` and write the file into ``folder``."""
    counts = Counter(stem for text in texts for stem in set(stems(text)))
    kept = sorted(stem for stem, count in counts.items() if count >= LEAST)
    many = len(texts) + 1
    np.savez_compressed(
        folder / FILE,
        stems=np.frombuffer("\n".join(kept).encode(), np.uint8),
        idf=np.array([log(many / (counts[stem] + 1)) + 1 for stem in kept], np.float16),
        rarest=np.array(log(many) + 1, np.float32),
    )
