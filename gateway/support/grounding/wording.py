"""The words of a sentence that carry what it says, to be looked for in its source one by one."""

from __future__ import annotations

import re
from functools import cache
from typing import NamedTuple

from gateway.settings import packaged_yaml
from gateway.support.grounding.comparing import blank_names
from gateway.support.grounding.concepts import concepts_in, restrictions_in
from gateway.support.grounding.figures import figures_in
from gateway.support.grounding.literal import GLUE, STEM
from gateway.support.grounding.meanings import SHORTEST_PART, all_meanings_of, rows_of
from gateway.support.grounding.polarity import denial_spans
from gateway.support.statements.text import fold, read_text

_WORD = re.compile(r"[^\W\d_]+(?:[-'’][^\W\d_]+)*")
_ELISION = re.compile(r"^(?:[ldjmnstc]|qu|jusqu|lorsqu|puisqu)['’](?=\w)", re.IGNORECASE)
COMPOUND_SHARE = 0.7
"""How much of a compound its parts must make up."""


class ContentWord(NamedTuple):
    """A word at ``text[start:end]``. ``name``: it is written as a name is, so that only itself
    stands for it. German writes every noun so; there, only capitals alone make a name."""

    text: str
    folded: str
    start: int
    end: int
    name: bool
    meanings: frozenset[int]
    """Our list's: words that share one may stand for one another. Empty: it does not know the
    word."""
    parts: frozenset[int]
    """The same, with those of the parts of a compound."""
    mild: bool
    """It adds next to nothing (`parcel`, `find`): a sentence may have few such words of its own."""


@cache
def _plain_words(language: str) -> frozenset[str]:
    words = packaged_yaml(__package__, "plain_words.yaml")
    return frozenset(fold(f"{words[language]} {words['all']}").split()) | {
        fold(word) for word in GLUE
    }


def content_words(text: str, language: str) -> tuple[ContentWord, ...]:
    """The words of ``text`` that carry meaning, without those that `figures_in`, `concepts_in` and
    the negations account for, and without plain ones (articles, `need`, `possible`)."""
    named = blank_names(text)
    taken = [(f.start, f.end) for f in figures_in(named)]
    taken += [(c.start, c.end) for c in concepts_in(text, language)]
    limits = restrictions_in(text, language)
    taken += [(c.start, c.end) for c in limits if text[c.start : c.end].count(" ") <= 1]
    taken += denial_spans(text, language)
    return tuple(
        word
        for word in source_words(text, language)
        if not any(start <= word.start and word.end <= end for start, end in taken)
    )


def likeable_words(text: str, language: str) -> tuple[ContentWord, ...]:
    """Those of `source_words` that another word may be like: no names, and none of a figure or a
    limit (the encoder finds `due` like `one`, and `vea` like `dos`)."""
    taken = [(figure.start, figure.end) for figure in figures_in(blank_names(text))]
    taken += [(limit.start, limit.end) for limit in restrictions_in(text, language)]
    return tuple(
        word
        for word in source_words(text, language)
        if not word.name and not any(a <= word.start and word.end <= b for a, b in taken)
    )


def source_words(text: str, language: str) -> tuple[ContentWord, ...]:
    """The same with the words of figures, concepts and denials: what a sentence may say again."""
    named = blank_names(text)
    plain = _plain_words(language)
    found = []
    for match in _WORD.finditer(named):
        start, end = match.span()
        if elided := _ELISION.match(match[0]):
            start += elided.end()
        word = text[start:end]
        folded = read_text(word).folded
        if len(folded) < 2 or folded in plain:
            continue
        name = _is_name(text, start, word, language)
        found.append(
            ContentWord(word, folded, start, end, name, *all_meanings_of(folded, language))
        )
    return tuple(found)


def same_word(word: ContentWord, others: tuple[ContentWord, ...]) -> bool:
    """Whether one of ``others`` is a form of ``word`` or means the same by our list, or ``word`` is
    a part of one, or is made of several (a compound)."""
    if word.name:
        return any(word.folded in (other.folded, *other.folded.split("-")) for other in others)
    if any(_forms(word.folded, other.folded) for other in others):
        return True
    if any(word.folded in part or part.endswith(word.folded[:-1]) for part in _parts(others)
           if len(word.folded) >= SHORTEST_PART):  # fmt: skip
        return True
    return any(word.meanings & other.parts for other in others) or not unmatched(word, others)


def unmatched(word: ContentWord, others: tuple[ContentWord, ...]) -> str:
    """What is left of ``word`` without the parts that ``others`` have: `Bestellungs` of
    `Bestellungsnummer` where they have `Nummer`. Empty when next to nothing is left."""
    rest = word.folded if word.parts <= word.meanings else _without_meanings(word, others)
    for part in sorted(_parts(others), key=len, reverse=True):
        rest = rest.replace(part[: max(SHORTEST_PART, len(part) - 2)], " ", 1)
    letters = rest.replace(" ", "")
    if len(letters) <= (1 - COMPOUND_SHARE) * len(word.folded):
        return ""
    if len(letters) < SHORTEST_PART:  # an ending, or a prefix such as `un`
        return "" if rest.startswith(" ") else word.folded
    return rest.strip()


def _parts(others: tuple[ContentWord, ...]) -> set[str]:
    return {other.folded for other in others if len(other.folded) >= SHORTEST_PART}


def _without_meanings(word: ContentWord, others: tuple[ContentWord, ...]) -> str:
    """``word``, a compound, without the parts that mean what a word of ``others`` means."""
    rest = word.folded
    shared = word.parts & frozenset().union(*(other.parts for other in others))
    for number in shared:
        row = rows_of("de")[number]
        for part in sorted((*row.beginnings, *row.words), key=len, reverse=True):
            if len(part) >= SHORTEST_PART and part in rest:
                rest = rest.replace(part, " ", 1)
                break
    return rest


def _forms(one: str, other: str) -> bool:
    shorter, longer = sorted((one, other), key=len)
    if len(shorter) < STEM:
        return longer.startswith(shorter) and len(longer) - len(shorter) <= 2
    return one[:STEM] == other[:STEM]


def _is_name(text: str, start: int, word: str, language: str) -> bool:
    if len(word) > 1 and word.isupper():
        return True
    if language == "de" or not word[0].isupper():
        return False
    before = text[:start].rstrip("\"'«“„( ")
    return bool(before) and before[-1] not in ".!?:\n"
