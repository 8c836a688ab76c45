"""A message as the models see it: without what tells nothing of language or mood."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import NamedTuple

MOST = 2_000
"""Characters of a message that the models read: the first three quarters of these from its
beginning, the rest from its end, where customers say what they want."""

_ADDRESS = re.compile(
    r"https?://\S+|www\.\S+|(?<!\S)[^\s@]+@\S+\.\w+|(?<!\w)[@#]\w+", re.IGNORECASE
)
_CODE = re.compile(r"(?<!\w)(?=[\w-]*\d)[\w#-]+", re.ASCII)
_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")
_ELISIONS = frozenset(("c", "d", "j", "l", "m", "n", "qu", "s", "t", "un", "dell", "all", "nell"))
_NOT_A_LETTER = re.compile(r"[^\w\s'’.,!?¿¡-]|[\d_]")
_CLAUSE_END = frozenset(".,;:!?()\n…。、！？،؛؟")


class Token(NamedTuple):
    """A word: ``key`` is how phrases are compared, ``message[start:end]`` how it was written.

    ``clause`` counts the clauses before it: what is denied in one is not denied in the next.
    """

    key: str
    start: int
    end: int
    clause: int


def bounded(text: str) -> str:
    """``text`` of at most `MOST` characters; offsets hold only in a text that was not cut."""
    if len(text) <= MOST:
        return text
    return text[: MOST * 3 // 4] + text[-MOST // 4 :]


def prose(text: str) -> str:
    """The words of ``text`` alone: without links, addresses, handles, codes, digits and emoji."""
    bare = _CODE.sub(" ", _ADDRESS.sub(" ", bounded(text)))
    return " ".join(_NOT_A_LETTER.sub(" ", bare).split())


def letters(text: str) -> int:
    return sum(map(str.isalpha, text))


def fold(text: str) -> str:
    """Lower case, without accents, with one kind of apostrophe."""
    if text.isascii():
        return text.lower()
    split = unicodedata.normalize("NFKD", text.casefold().replace("’", "'"))
    return "".join(c for c in split if not unicodedata.combining(c))


def at_least(text: str) -> int:
    """How many `tokens` there are at the least; fewer only where words are elided."""
    return len(_WORD.findall(text, 0, MOST))


@lru_cache(256)
def tokens(text: str) -> tuple[Token, ...]:
    """The words of ``text`` in order, at most those within `MOST` characters.

    Elided words (``j'ai``, ``l'avocat``) are two; other apostrophes are left out of the key.
    Remembered for a batch: several readers ask for those of the same message.
    """
    found: list[Token] = []
    clause = last = 0
    for match in _WORD.finditer(text, 0, MOST):
        start, end = match.span()
        if not _CLAUSE_END.isdisjoint(text[last:start]):
            clause += 1
        last = end
        key = fold(match.group())
        if "'" in key:
            head, _, tail = key.partition("'")
            if head in _ELISIONS:
                cut = start + len(head)
                found.append(Token(head, start, cut, clause))
                key, start = tail, cut + 1
            key = key.replace("'", "")
        found.append(Token(key, start, end, clause))
    return tuple(found)
