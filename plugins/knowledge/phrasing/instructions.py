"""Passages and messages that tell a model what to say. They are not sent to it.

Nothing rests on this alone for questions and earlier messages: what a model says at a customer's
word is no sentence of a passage. A passage that gives orders is another matter, since the sentence
that it orders stands in it. So a passage in which one sentence gives orders is left out whole.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import numpy as np

from gateway import (
    Embedding,
    TextEncoder,
    fold,
    instructs_model,
    packaged_yaml,
    sentence_spans,
)

ORDERS_ARE_NEAR = 0.66
"""The cosine with one of the examples from which a sentence gives orders to a model. On the
development half of `make bench PARTS=grounding`;
the 1,250 lines of a help centre, and those of our own pages, stay below 0.65."""
MOST_SENTENCES = 60
"""Sentences of a passage that are compared with the examples. The patterns read all of it."""


@cache
def _lists() -> dict[str, Any]:
    tree: dict[str, Any] = packaged_yaml("plugins.knowledge.phrasing", "instructions.yaml")
    return tree


@cache
def _patterns() -> re.Pattern[str]:
    return re.compile("|".join(f"(?:{pattern})" for pattern in _lists()["patterns"]))


def gives_orders(text: str) -> bool:
    """Whether a pattern finds an instruction to a model in ``text``."""
    return instructs_model(text) or _patterns().search(fold(text)) is not None


@dataclass(kw_only=True)
class OrderFinder:
    """Finds instructions to a model by patterns and by likeness, in any language of the encoder."""

    encoder: TextEncoder
    _examples: Sequence[Embedding] = field(default=(), init=False)

    async def orders(self, text: str) -> bool:
        """Whether a sentence of ``text`` gives orders. Raises WarmlineError when the encoder
        fails."""
        return gives_orders(text) or await self.likeness(text) >= ORDERS_ARE_NEAR

    async def likeness(self, text: str) -> float:
        """The greatest cosine of a sentence of ``text`` with an example, -1 to 1."""
        spans = sentence_spans(text)[:MOST_SENTENCES]
        parts = (part for start, end in spans for part in text[start:end].split(": "))
        sentences = [part for part in parts if part.strip()]
        if not sentences:
            return -1.0
        if len(self._examples) == 0:
            self._examples = await self.encoder.embed(_lists()["examples"])
        vectors = await self.encoder.embed(sentences)
        return float((np.asarray(vectors) @ np.asarray(self._examples).T).max())
