"""Texts as the detectors read them: in lower case without accents, and in words."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

MAX_CHARACTERS = 4_000
"""Characters of a message that are read; longer ones are pasted logs and quoted mails."""

_WORD = re.compile(r"[^\W_]+(?:[-'][^\W_]+)*")
_CAPITALISED = "ÀÁÂÃÄÅÇÈÉÊËÌÍÎÏÑÒÓÔÕÖÙÚÛÜÝŸŒßàáâãäåçèéêëìíîïñòóôõöùúûüýÿœ"
_PLAIN = "aaaaaaceeeeiiiinooooouuuuyyosaaaaaaceeeeiiiinooooouuuuyyo"
_FOLD = str.maketrans(_CAPITALISED + "’‘İ\u00a0\u202f", _PLAIN + "''i  ")
_ELIDED = frozenset(
    ("jusqu", "lorsqu", "puisqu", "quelqu", "dell", "nell", "all", "sull", "dall", "quest")
)


def fold(text: str) -> str:
    """``text`` in lower case without accents, letter for letter: places stay the same."""
    return text.lower() if text.isascii() else text.translate(_FOLD).lower()


class ReadText(NamedTuple):
    """A message's text as the detectors read it. ``folded`` is as long as ``text``."""

    text: str
    folded: str
    sequence: tuple[str, ...]
    """The folded words in order."""
    words: frozenset[str]


@lru_cache(512)
def read_text(text: str) -> ReadText:
    """``text``, folded and in words. Cached: both detectors read the same messages."""
    text = text[:MAX_CHARACTERS]
    folded = fold(text)
    if len(folded) != len(text):  # a letter whose lower case is two characters
        folded = "".join(fold(char)[:1] or " " for char in text)
    sequence = words_of(folded)
    return ReadText(text, folded, sequence, frozenset(sequence))


def words_of(folded: str) -> tuple[str, ...]:
    """The words of a folded text in order. Elided words (``l'ordre``) are two."""
    found: list[str] = _WORD.findall(folded)
    if "'" not in folded:
        return tuple(found)
    parts: list[str] = []
    for word in found:
        elided, _, rest = word.partition("'")
        if rest == "s":
            parts.append(elided)
        elif rest and len(rest) > 1 and (len(elided) <= 2 or elided in _ELIDED):
            parts += (elided, rest)
        parts.append(word)
    return tuple(parts)
