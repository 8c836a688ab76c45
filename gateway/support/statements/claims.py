"""What a draft says was done: nobody may send it before somebody has checked that it is so."""

from __future__ import annotations

import re
from itertools import pairwise

from gateway.model import Value
from gateway.support.statements.phrases import StatementPhrases, phrases, reading_order
from gateway.support.statements.text import read_text

GAP_IN_DRAFT = re.compile(r"\[(?:…|\.\.\.)(?:[^\[\]]|\[[^\[\]]*\]){0,4000}\]")
"""A gap that a person must fill or remove: ``[… only if it was sent: ...]``. What was done may name
a titled link, which has brackets of its own."""
_UNCLOSED = re.compile(r"\[…[^\n]*")
"""A gap whose last bracket was removed, and nothing else of it."""
_SENTENCE = re.compile(r"(?:[^.?!\n]|\.(?=\S)|(?<=\d)\.(?= [a-zà-þ]))+[.?!]*")
_CLAUSE = re.compile(
    r"[,;:–—]\s|\s-\s|\s(?=(?:and|but|so|because|after|before|until|since|when|und|aber|denn|weil"
    r"|damit|sobald|bevor|nachdem|wenn|falls|et|mais|car|puisque|comme|apres|avant|lorsque|quand|y"
    r"|pero|porque|como|cuando|despues|antes)\s)"
)
"""Ends a clause. A word that begins one stays with it."""
_JOINED = re.compile(r"(?:and|und|et|y)\s")
"""Begins a clause that shares the condition of the one before it."""


class Claim(Value, frozen=True, kw_only=True):
    """A sentence ``text[start:end]`` that says that something was done. ``kind``: ``sent``,
    ``refunded``, ``checked`` or ``done``."""

    kind: str
    start: int
    end: int


def claims_in(text: str, language: str) -> tuple[Claim, ...]:
    """The sentences of ``text`` that say that we did something in this case, or that it is done.

    What may be, will be, or is done as a rule is no claim. Sentences within a placeholder are left
    out. ``language`` is the conversation's. Where nothing is found in it, the text is read in the
    other languages that have phrases, too.
    """
    read = read_text(text)
    blanked = GAP_IN_DRAFT.sub(lambda match: " " * len(match[0]), read.folded)
    found = (_claims(blanked, phrases(one)) for one in reading_order(language))
    return next(filter(None, found), ())


def _claims(blanked: str, known: StatementPhrases) -> tuple[Claim, ...]:
    found = []
    for match in _SENTENCE.finditer(blanked):
        sentence = match[0]
        kind = _claimed(sentence, known)
        if kind is None:
            continue
        start = match.start() + len(sentence) - len(sentence.lstrip())
        found.append(Claim(kind=kind, start=start, end=match.end()))
    return tuple(found)


def _claimed(sentence: str, known: StatementPhrases) -> str | None:
    """The kind of the claim in ``sentence``: in all of it, or in one of its clauses. So what is
    said beside it ("..., and the money will be in your account on Friday") takes nothing back."""
    if sentence.rstrip().endswith("?"):
        return None
    bounds = [0, *(match.end() for match in _CLAUSE.finditer(sentence)), len(sentence)]
    conditional = False
    for part in (sentence, *(sentence[a:b] for a, b in pairwise(bounds))):
        if part is not sentence:
            conditional &= _JOINED.match(part) is not None
            conditional |= known.conditional.search(part) is not None
        kind = next((k for k, pattern in known.claims.items() if pattern.search(part)), None)
        if kind is not None and not conditional and not known.claims_not.search(part):
            return kind
    return None


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
