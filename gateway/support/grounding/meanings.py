"""Words that may stand for one another, in one language or in two, in customer service."""

from __future__ import annotations

from functools import cache, lru_cache
from typing import NamedTuple

from gateway.settings import packaged_yaml
from gateway.support.grounding.concepts import LANGUAGES
from gateway.support.statements.text import fold

SHORTEST_PART = 4
"""Letters of a word that is looked for within a compound: `Wasser` in `Wasserschäden`."""
LONGEST_ENDING = 5
"""Letters behind the beginning of a German word that are its ending, not another word."""


class MeaningRow(NamedTuple):
    """One meaning in one language: complete words, and beginnings of words."""

    words: frozenset[str]
    beginnings: tuple[str, ...]
    mild: bool


@cache
def rows_of(language: str) -> tuple[MeaningRow, ...]:
    if language not in LANGUAGES:
        return ()
    rows: list[list[str]] = packaged_yaml(__package__, "same_meaning.yaml")
    at = LANGUAGES.index(language)
    found = []
    for row in rows:
        words = fold(row[at]).lstrip("~").split()
        complete = frozenset(word[:-1] for word in words if word.endswith("."))
        beginnings = tuple(word for word in words if not word.endswith("."))
        found.append(MeaningRow(complete, beginnings, row[0].startswith("~")))
    return tuple(found)


@lru_cache(4096)
def all_meanings_of(folded: str, language: str) -> tuple[frozenset[int], frozenset[int], bool]:
    """The rows of ``same_meaning.yaml`` that have the word, those that have a part of it
    (German compounds), and whether one that has it is mild."""
    whole, part, mild = set(), set(), False
    for number, row in enumerate(rows_of(language)):
        fits = folded in row.words or any(
            folded.startswith(beginning)
            and (language != "de" or len(folded) - len(beginning) <= _longest_ending(beginning))
            for beginning in row.beginnings
        )
        if fits:
            whole.add(number)
            mild |= row.mild
        elif language == "de" and any(
            beginning in folded
            for beginning in (*row.beginnings, *row.words)
            if len(beginning) >= SHORTEST_PART
        ):
            part.add(number)
    return frozenset(whole), frozenset(whole | part), mild


def _longest_ending(beginning: str) -> int:
    """More behind a verb's prefix: `zurück-gegeben`."""
    return LONGEST_ENDING if len(beginning) < 6 else LONGEST_ENDING + 3


def meanings_of(folded: str, language: str) -> frozenset[int]:
    """The numbers of the rows that have the whole word, without mild ones."""
    rows = rows_of(language)
    return frozenset(n for n in all_meanings_of(folded, language)[0] if not rows[n].mild)
