"""Passages and messages that tell a model what to say. They are not sent to it.

Nothing rests on this alone for questions and earlier messages: what a model says at a customer's
word is no sentence of a passage. A passage that gives orders is another matter, since the sentence
that it orders stands in it. So a passage in which one sentence gives orders is left out whole.
"""

from __future__ import annotations

import json
import math
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from hashlib import blake2b
from importlib.resources import files
from typing import Any

import numpy as np
from cachetools import LRUCache

from gateway import (
    TextEncoder,
    fold,
    instructs_model,
    packaged_yaml,
    sentence_spans,
)

AN_ORDER = 0.0
"""The score from which a sentence gives orders to a model. It finds two fifths of the orders in
public lists that no pattern was written for, and 5 of the 1,139 sentences of a help centre."""
REMEMBERED = 4096
"""Passages of which is kept whether they give orders."""
PACKAGED = "universal"
"""How the name of the encoder begins that the scores are for."""
MOST_SENTENCES = 60
"""Sentences of a passage that are scored. The patterns read all of it."""


_HIDDEN = re.compile(
    "[\U000e0020-\U000e007e]{4,}|[\u202a-\u202e\u2066-\u2069].{8}|[\u200b\u2060]\\w+[\u200b\u2060]"
)
"""Tag characters, text with its order turned round, letters with invisible ones between them."""
_MIXED = re.compile(r"\b(?=\w*[a-zA-Z])(?=\w*[\u0370-\u04ff])\w+\b")
"""A word of Latin letters and others."""
_LOOKALIKES = str.maketrans("аеоорсухіѕјһԁΑΒΕΖΗΙΚΜΝΟΡΤΥΧο", "aeoopcyxisjhdABEZHIKMNOPTYXo")
_SPACED = re.compile(r"(?:\b\w[ .·_-]){3,}\w\b")
_LEET = re.compile(r"\b(?=\w*[a-z])(?=\w*[013457])\w{3,}\b", re.IGNORECASE)
_DIGITS = str.maketrans("013457", "oieast")


@cache
def _lists() -> dict[str, Any]:
    tree: dict[str, Any] = packaged_yaml("plugins.knowledge.phrasing", "instructions.yaml")
    return tree


@cache
def _patterns() -> re.Pattern[str]:
    return re.compile("|".join(f"(?:{pattern})" for pattern in _lists()["patterns"]))


def gives_orders(text: str) -> bool:
    """Whether a pattern finds an instruction to a model in ``text``, or it has words that people
    cannot see."""
    if _HIDDEN.search(text):
        return True
    return any(
        instructs_model(read) or _patterns().search(fold(read)) is not None
        for read in dict.fromkeys((text, *_readings(text)))
    )


def _readings(text: str) -> Iterator[str]:
    """``text`` as a model may read it: without invisible characters and foreign letters that look
    like ours, with single letters joined to words, with digits for letters."""
    plain = "".join(
        char
        for char in unicodedata.normalize("NFKC", text)
        if char in "\n\t" or unicodedata.category(char) not in ("Cf", "Co")
    )
    plain = _MIXED.sub(lambda match: match[0].translate(_LOOKALIKES), plain)
    yield plain
    if _SPACED.search(plain):
        yield _SPACED.sub(lambda match: re.sub(r"[ .·_-](?! )", "", match[0]), plain)
    if _LEET.search(plain):
        yield _LEET.sub(lambda match: match[0].translate(_DIGITS), plain)


@cache
def _probe() -> tuple[Any, float]:
    """The weights and the intercept of the logistic regression in ``orders.json``."""
    found = json.loads(
        files("plugins.knowledge.phrasing").joinpath("orders.json").read_text("utf-8")
    )
    return np.asarray(found["weights"], np.float32), found["intercept"]


@dataclass(kw_only=True)
class OrderFinder:
    """Finds instructions to a model by patterns, and by what a sentence means, in any language of
    the packaged encoder. With another encoder the patterns work alone."""

    encoder: TextEncoder
    _known: LRUCache[bytes, bool] = field(
        default_factory=lambda: LRUCache(REMEMBERED), init=False, repr=False
    )

    async def orders(self, text: str) -> bool:
        """Whether a sentence of ``text`` gives orders. Raises WarmlineError when the encoder
        fails."""
        key = blake2b(text.encode(), digest_size=16).digest()
        if key not in self._known:
            self._known[key] = gives_orders(text) or await self.likeness(text) >= AN_ORDER
        return self._known[key]

    async def likeness(self, text: str) -> float:
        """The greatest score of a sentence of ``text``, or of a part of one at a colon; those that
        give orders lie above 0."""
        spans = sentence_spans(text)[:MOST_SENTENCES]
        parts = (part for start, end in spans for part in text[start:end].split(": "))
        sentences = [part for part in parts if part.strip()]
        known = (self.encoder.embedding_model or "").startswith(PACKAGED)
        if not sentences or not known:
            return -math.inf
        weights, intercept = _probe()
        vectors = np.asarray(await self.encoder.embed(sentences))
        return float((vectors @ weights).max() + intercept)
