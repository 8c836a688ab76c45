"""New examples that another intent could claim: the same sentence, or one whose nearest examples
are of another intent."""

from __future__ import annotations

import asyncio
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
        overlay = await self._services.versions.overlay("answers")
        customers = frozenset(each.text for each in overlay.examples if each.conversation)
        every = [*texts, *(text for text, _ in rows)]
        encoder = self._services.encoder
        encoded = await self._embedded(encoder, every, customers) if encoder else None
        return await asyncio.to_thread(_conflicts, intent, texts, rows, encoded)

    async def _embedded(
        self, encoder: TextEncoder, texts: Sequence[str], customers: frozenset[str]
    ) -> list[array[float]]:
        """The embeddings of ``texts``. Nothing is kept of the sentences of ``customers``: an
        erasure would not reach it."""
        model = encoder.embedding_model or ""
        missing = [t for t in dict.fromkeys(texts) if (model, t) not in self._known]
        fresh = dict(zip(missing, await encoder.embed(missing) if missing else (), strict=True))
        self._known.update({(model, t): row for t, row in fresh.items() if t not in customers})
        return [fresh[text] if text in fresh else self._known[model, text] for text in texts]


def _conflicts(
    intent: str,
    texts: Sequence[str],
    rows: Sequence[tuple[str, str]],
    encoded: Sequence[array[float]] | None,
) -> tuple[ExampleConflict, ...]:
    found = []
    for text, likeness in zip(texts, _likeness(texts, rows, encoded), strict=True):
        own, other, which = 0.0, 0.0, -1
        for at, ((_, name), near) in enumerate(zip(rows, likeness, strict=True)):
            if name == intent:
                own = max(own, near)
            elif near > other:
                other, which = near, at
        if which < 0:
            continue
        nearest, name = rows[which]
        same = _comparable(nearest) == _comparable(text)
        if same or (other > own and other >= NEAR):
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


def _likeness(
    texts: Sequence[str],
    rows: Sequence[tuple[str, str]],
    encoded: Sequence[array[float]] | None,
) -> list[list[float]]:
    """Of each of ``texts`` to each of ``rows``, 0..1; ``encoded`` are the embeddings of both."""
    if encoded is None:
        known = [_words(text) for text, _ in rows]
        return [[_shared(_words(text), words) for words in known] for text in texts]
    import numpy as np  # noqa: PLC0415  (slow to import)

    matrix = np.stack([np.frombuffer(each, dtype="f4") for each in encoded])
    new = len(texts)
    found: list[list[float]] = (matrix[:new] @ matrix[new:].T).tolist()
    return found


def _words(text: str) -> frozenset[str]:
    return frozenset("".join(c if c.isalnum() else " " for c in text.casefold()).split())


def _shared(first: frozenset[str], second: frozenset[str]) -> float:
    """The cosine of two sets of words."""
    size = math.sqrt(len(first) * len(second))
    return len(first & second) / size if size else 0.0


def _comparable(text: str) -> str:
    return "".join(char for char in text.casefold() if char.isalnum()) or text
