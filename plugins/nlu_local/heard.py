"""The customer's own words: what they quote is not what they say."""

from __future__ import annotations

import re
from collections.abc import Sequence

from .phrases import Finder
from .text import MOST, Token

_QUOTED = re.compile(
    r'"[^"\n]{1,400}"|“[^”\n]{1,400}”|„[^“”\n]{1,400}[“”]|«[^»\n]{1,400}»|^[ \t]*>.*$', re.MULTILINE
)
_MARKS = frozenset('"“„«>')
_WORD = re.compile(r"\w+")
_DRAWN = re.compile(r"([^\W\d_])\1{2,}")


def heard(text: str) -> str:
    """``text`` with spaces for what it quotes (three words or more, or lines that begin with
    ``>``), so that places stay the same. Who only quotes says it."""
    if _MARKS.isdisjoint(text):
        return text
    own = _QUOTED.sub(_blank, text[:MOST]) + text[MOST:]
    return own if len(_WORD.findall(own)) >= 2 else text


def _blank(quoted: re.Match[str]) -> str:
    said = quoted.group()
    if not said.lstrip().startswith(">") and len(_WORD.findall(said)) < 3:
        return said
    # A stop, so that what stands before and after are clauses of their own.
    return "." + " " * (len(said) - 1)


def undrawn(words: Sequence[Token], finder: Finder) -> Sequence[Token]:
    """``words`` with drawn-out ones (``sooo``, ``looove``, ``goood``) as they are spelt."""
    if not _DRAWN.search(" ".join([word.key for word in words])):
        return words
    return [word._replace(key=_spelt(word.key, finder)) for word in words]


def _spelt(key: str, finder: Finder) -> str:
    if not _DRAWN.search(key):
        return key
    double = _DRAWN.sub(r"\1\1", key)
    return double if finder.knows(double) else _DRAWN.sub(r"\1", key)
