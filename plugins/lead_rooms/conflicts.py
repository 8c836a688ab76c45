"""New examples that another intent could claim: the same sentence, or one whose nearest examples
are of another intent."""

from __future__ import annotations

import math
from array import array
from collections.abc import Sequence

from cachetools import LRUCache

from gateway import Services, TextEncoder, Value, masked

MOST_EMBEDDINGS = 12_000
"""Kept between looks, 2 kB each."""
MOST_COMPARED = 10_000
"""Examples of the shop that new ones are compared with; more are left out and said."""
NEAR = 0.35
"""From this likeness of an example of another intent on it is worth a look. Ours: below it two
sentences share hardly more than the language."""


class ExampleConflict(Value, frozen=True, kw_only=True):
    """A new sentence, and the example of another intent that is nearer to it than those of its
    own (``nearest``, with its likeness; 1 is the same sentence)."""

    text: str
    intent: str
    nearest: str
    likeness: float
    own: float
    same: bool = False


class ExampleConflicts:
    """Compares by the sentence encoder where there is one, else by the words in common."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._known: LRUCache[tuple[str, str], array[float]] = LRUCache(MOST_EMBEDDINGS)

    async def find(self, intent: str, texts: Sequence[str]) -> tuple[ExampleConflict, ...]:
        """The conflicts of ``texts`` as examples of ``intent``, the worst first."""
        rows = (await self._services.trials.examples_of_shop())[:MOST_COMPARED]
        found = []
        overlay = await self._services.versions.overlay("answers")
        customers = frozenset(each.text for each in overlay.examples if each.conversation)
        every = [*texts, *(text for text, _ in rows)]
        likeness = await self._likeness(every, len(texts), customers)
        for index, text in enumerate(texts):
            own, other, which = 0.0, 0.0, -1
            for at, (_, name) in enumerate(rows):
                near = likeness[index][at]
                if name == intent:
                    own = max(own, near)
                elif near > other:
                    other, which = near, at
            if which < 0:
                continue
            same = _comparable(rows[which][0]) == _comparable(text)
            if same or (other > own and other >= NEAR):
                nearest, name = rows[which]
                conflict = ExampleConflict(
                    text=text,
                    intent=name,
                    nearest=masked(nearest, ()),
                    likeness=1.0 if same else other,
                    own=own,
                    same=same,
                )
                found.append(conflict)
        return tuple(sorted(found, key=lambda each: (not each.same, each.own - each.likeness)))

    async def _likeness(
        self, texts: Sequence[str], new: int, customers: frozenset[str]
    ) -> list[list[float]]:
        """Of each of the first ``new`` texts to each of the rest, 0..1. Nothing is kept of the
        sentences of ``customers``: an erasure would not reach it."""
        encoder = self._services.encoder
        if encoder is None:
            words = [_words(text) for text in texts]
            return [[_shared(words[i], other) for other in words[new:]] for i in range(new)]
        import numpy as np  # noqa: PLC0415  (slow to import)

        rows = np.array(
            [list(each) for each in await self._embedded(encoder, texts, customers)], dtype="f4"
        )
        found: list[list[float]] = (rows[:new] @ rows[new:].T).tolist()
        return found

    async def _embedded(
        self, encoder: TextEncoder, texts: Sequence[str], customers: frozenset[str]
    ) -> list[array[float]]:
        model = encoder.embedding_model or ""
        missing = [t for t in dict.fromkeys(texts) if (model, t) not in self._known]
        fresh = dict(zip(missing, await encoder.embed(missing) if missing else (), strict=True))
        self._known.update({(model, t): row for t, row in fresh.items() if t not in customers})
        return [fresh[text] if text in fresh else self._known[model, text] for text in texts]


def _words(text: str) -> frozenset[str]:
    return frozenset("".join(c if c.isalnum() else " " for c in text.casefold()).split())


def _shared(first: frozenset[str], second: frozenset[str]) -> float:
    """The cosine of two sets of words."""
    size = math.sqrt(len(first) * len(second))
    return len(first & second) / size if size else 0.0


def _comparable(text: str) -> str:
    return "".join(char for char in text.casefold() if char.isalnum()) or text
