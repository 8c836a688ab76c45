"""What a draft says was done: nobody may send it before somebody has checked that it is so."""

from __future__ import annotations

import re

from gateway.model import Value
from gateway.support.statements.phrases import phrases
from gateway.support.statements.text import read_text

GAP_IN_DRAFT = re.compile(r"\[(?:…|\.\.\.)(?:[^\[\]]|\[[^\[\]]*\]){0,4000}\]")
"""A gap that a person must fill or remove: ``[… only if it was sent: ...]``. What was done may name
a titled link, which has brackets of its own."""
_UNCLOSED = re.compile(r"\[…[^\n]*")
"""A gap whose last bracket was removed, and nothing else of it."""
_SENTENCE = re.compile(r"(?:[^.?!\n]|\.(?=\S)|(?<=\d)\.(?= [a-zà-þ]))+[.?!]*")


class Claim(Value, frozen=True, kw_only=True):
    """A sentence ``text[start:end]`` that says that something was done. ``kind``: ``sent``,
    ``refunded``, ``checked`` or ``done``."""

    kind: str
    start: int
    end: int


def claims_in(text: str, language: str) -> tuple[Claim, ...]:
    """The sentences of ``text`` that say that we did something in this case, or that it is done.

    What may be, will be, or is done as a rule is no claim. Sentences within a placeholder are left
    out. A language without phrases of its own is read as English.
    """
    read, known = read_text(text), phrases(language)
    blanked = GAP_IN_DRAFT.sub(lambda match: " " * len(match[0]), read.folded)
    found = []
    for match in _SENTENCE.finditer(blanked):
        sentence = match[0]
        kind = next((k for k, pattern in known.claims.items() if pattern.search(sentence)), None)
        if kind is None or known.claims_not.search(sentence):
            continue
        start = match.start() + len(sentence) - len(sentence.lstrip())
        found.append(Claim(kind=kind, start=start, end=match.end()))
    return tuple(found)


def with_placeholders(text: str, language: str) -> str:
    """``text`` with each claim in a placeholder, which says in ``language`` when it may stay."""
    known = phrases(language)
    for claim in reversed(claims_in(text, language)):
        said = text[claim.start : claim.end]
        text = f"{text[: claim.start]}[… {known.fill_in[claim.kind]}: {said}]{text[claim.end :]}"
    return text


def unfilled(text: str) -> str | None:
    """The first placeholder in ``text`` that nobody has filled or removed; None when there is
    none."""
    found = GAP_IN_DRAFT.search(text) or _UNCLOSED.search(text)
    return found[0] if found else None
