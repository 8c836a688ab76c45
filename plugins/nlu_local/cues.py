"""How a message is written, whatever its words: shouting, drawn-out and repeated words, marks."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from gateway import Cue

from .text import MOST, Token

FORCE = {
    "shouting": 0.35,
    "exclaiming": 0.3,
    "questioning": 0.2,
    "elongation": 0.2,
    "repetition": 0.25,
}
"""How much each kind of cue adds to how strongly something is felt."""

_MARKS = re.compile(r"(?:[!?¡¿！？؟]\s?){2,}|[!！]")
_DRAWN_OUT = re.compile(r"([^\W\d_])\1\1")
_LETTERS = re.compile(r"[^\W\d_]+")
_CAPITALS = re.compile("[A-Z]")
_NOT_DRAWN_OUT = re.compile(r"www|[ivxlcm]+", re.IGNORECASE)
_DIGIT = re.compile(r"\d")

SHOUTED = 3
"""Capitals in a run that is shouted, at the least."""


def form_cues(text: str, words: Sequence[Token], plain: frozenset[str]) -> list[Cue]:
    """The cues of ``text``, whose words are ``words``; ``plain`` are words that are no names."""
    return [
        *_shouting(text, words, plain),
        *_marks(text),
        *_elongation(text),
        *_repetition(text, words, plain),
    ]


def force(cues: Sequence[Cue]) -> float:
    """What the cues together add, 0..1; of one kind the first two count, the second half."""
    calm = 1.0
    seen: dict[str, int] = {}
    for cue in cues:
        times = seen.get(cue.kind, 0)
        seen[cue.kind] = times + 1
        strength = FORCE[cue.kind] / (1 + times) if times < 2 else 0.0
        if cue.kind == "exclaiming" and len(cue.text.strip()) < 3:
            strength /= 2 if len(cue.text.strip()) == 2 else 6
        calm *= 1 - strength
    return 1 - calm


def cue(text: str, kind: str, start: int, end: int) -> Cue:
    return Cue(kind=kind, text=text[start:end], start=start, end=end)


def _shouting(text: str, words: Sequence[Token], plain: frozenset[str]) -> Iterator[Cue]:
    """Runs of words in capitals that hold a plain word (DHL, USB-C or a brand alone are none)."""
    if text.isascii() and len(_CAPITALS.findall(text)) < SHOUTED:
        return
    run: list[Token] = []
    for word in [*words, None]:
        if word is not None and _capital(text[word.start : word.end]):
            run.append(word)
            continue
        size = sum(w.end - w.start for w in run)
        spoken = any(w.key in plain and len(w.key) > 1 for w in run)
        if run and size >= SHOUTED and (spoken or (len(run) >= 4 and size >= 16)):
            yield cue(text, "shouting", run[0].start, run[-1].end)
        run = []


def _capital(word: str) -> bool:
    return word.isupper() and not _DIGIT.search(word)


def _marks(text: str) -> Iterator[Cue]:
    for match in _MARKS.finditer(text, 0, MOST):
        marks = match.group().rstrip()
        # A Spanish question or exclamation opens with a mark of its own: one is not two.
        closing = [mark for mark in marks if mark not in "¡¿ "]
        asked = sum(mark in "?？؟" for mark in closing)
        if asked >= 2 or (asked and len(closing) > asked):
            yield cue(text, "questioning", match.start(), match.start() + len(marks))
        elif closing and not asked:
            yield cue(text, "exclaiming", match.start(), match.start() + len(marks))


def _elongation(text: str) -> Iterator[Cue]:
    if not _DRAWN_OUT.search(text, 0, MOST):
        return
    for match in _LETTERS.finditer(text, 0, MOST):
        word = match.group()
        if _DRAWN_OUT.search(word) and not _NOT_DRAWN_OUT.fullmatch(word):
            yield cue(text, "elongation", *match.span())


def _repetition(text: str, words: Sequence[Token], plain: frozenset[str]) -> Iterator[Cue]:
    """A word three times over, or a plain word twice."""
    first = 0
    for at in range(1, len(words) + 1):
        if at < len(words) and words[at].key == words[first].key:
            continue
        times = at - first
        if times >= 3 or (times == 2 and words[first].key in plain and len(words[first].key) > 1):
            yield cue(text, "repetition", words[first].start, words[at - 1].end)
        first = at
