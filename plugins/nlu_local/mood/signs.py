"""The signs of a mood in one message, as the numbers that `MoodModel` reads.

They are the sentence's embedding, its form (marks, capitals, length), the evidence of the phrase
readers, and its n-grams, hashed. Training and every message afterwards use the same functions.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterable
from functools import lru_cache
from itertools import pairwise
from math import log1p
from typing import NamedTuple, get_args

from gateway import Emotion, MoodLabel

from ..text import blank_quotations, fold, truncate
from .cues import SIGNAL_KINDS
from .emotion import EVENT_KINDS, LABELS, EmotionEvidence

MOODS: tuple[MoodLabel, ...] = get_args(MoodLabel)
"""The order of the labels in the model's arrays."""

BUCKETS = 1 << 16
"""Hashed n-grams share this many rows: of those of the training sentences few collide."""

FORM_SIGNS = 13
EVIDENCE_SIGNS = len(LABELS) + len(EVENT_KINDS) + 8 + len(MOODS) + len(SIGNAL_KINDS)

MIN_SHOUTED = 4
"""Capitals of a word, and of a text, that count as shouting; shorter ones are abbreviations."""

_SHOUTED = re.compile(r"[^\W\d_]+")
_ELONGATED = re.compile(r"([^\W\d_])\1{2,}")
_EMOJI = re.compile("[\U0001f300-\U0001faff\u2600-\u27bf]")
_QUESTION_MARKS = re.compile("[?？؟]")
_UNITS = re.compile(r"\w+|[!?¡¿]+|[^\w\s]")
_DIGITS = re.compile(r"\d")


def mood_text(text: str) -> str:
    """``text`` as the encoder should read it: without quotations, and in usual letters.

    The encoder knows neither ``YAAAY`` nor words in capitals. The form signs keep the shouting.
    """
    own = _ELONGATED.sub(r"\1\1", blank_quotations(text))
    capitals = sum(map(str.isupper, own))
    if capitals < MIN_SHOUTED:
        return own
    if capitals > 0.5 * sum(map(str.isalpha, own)):
        own = own.lower()
    else:
        own = _SHOUTED.sub(_usual_letters, own)
    return own[:1].upper() + own[1:]


def _usual_letters(word: re.Match[str]) -> str:
    found = word.group()
    return found.lower() if len(found) >= MIN_SHOUTED and found.isupper() else found


def form_signs(text: str) -> list[float]:
    """`FORM_SIGNS` numbers of about 0 to 1 for the outer form of ``text``."""
    letters = sum(map(str.isalpha, text))
    capitals = sum(map(str.isupper, text)) / max(letters, 1)
    closed = text.rstrip()
    return [
        log1p(len(text)) / 5,
        log1p(len(text.split())) / 4,
        min(text.count("!"), 4) / 4,
        min(len(_QUESTION_MARKS.findall(text)), 4) / 4,
        capitals,
        float(capitals > 0.6 and letters > 8),
        float("..." in text or "…" in text),
        sum(map(str.isdigit, text)) / max(len(text), 1) * 4,
        float(bool(_EMOJI.search(text))),
        float(text[:1].islower()),
        float(any(mark in text for mark in '"“«„')),
        float(closed.endswith("?")),
        float(closed.endswith(".")),
    ]


def evidence_signs(
    evidence: EmotionEvidence, emotion: Emotion, signals: Iterable[str]
) -> list[float]:
    """`EVIDENCE_SIGNS` numbers for what the phrases show; ``emotion`` is what they say of it, and
    ``signals`` are the kinds of the signals found."""
    found = frozenset(signals)
    return [
        *(evidence.strength(kind) for kind in (*LABELS, *EVENT_KINDS)),
        evidence.tone / 3,
        evidence.force,
        evidence.negative,
        evidence.positive,
        float(evidence.has_question),
        float(evidence.is_loud),
        emotion.distress,
        emotion.intensity,
        *(float(emotion.label == mood) for mood in MOODS),
        *(float(kind in found) for kind in SIGNAL_KINDS),
    ]


class GramBuckets(NamedTuple):
    """The rows of the n-grams of a message: of words and their pairs, and of pieces of words."""

    words: tuple[int, ...]
    pieces: tuple[int, ...]


def gram_buckets(text: str) -> GramBuckets:
    """The rows of the n-grams of ``text``, each once. Quotations do not count."""
    plain = _DIGITS.sub("0", fold(truncate(blank_quotations(text))))
    units = _UNITS.findall(plain)
    words = {_bucket(unit) for unit in units}
    words.update(_bucket(f"{a} {b}") for a, b in pairwise(units))
    pieces: set[int] = set()
    for unit in units:
        pieces.update(_piece_buckets(unit))
    return GramBuckets(tuple(sorted(words)), tuple(sorted(pieces)))


@lru_cache(4096)
def _piece_buckets(unit: str) -> tuple[int, ...]:
    padded = f" {unit} "
    starts = range(len(padded))
    return tuple({_bucket(padded[i : i + n], 1) for n in (3, 4, 5) for i in starts[: 1 - n]})


def _bucket(gram: str, seed: int = 0) -> int:
    """CRC-32 is fast, and the same on every machine and in every run. Words and pieces of words
    have different seeds."""
    return zlib.crc32(gram.encode(errors="replace"), seed) % BUCKETS
