"""Which deciding words a text has, so that a sentence and its source can be compared by them, also
when they are in different languages."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache, lru_cache
from typing import Any, NamedTuple

from gateway.settings import packaged_yaml
from gateway.support.statements.text import read_text

LANGUAGES = ("en", "de", "fr", "es")
"""The languages of the lists. In others, sentences are compared word by word: see `grounded`."""


class Concept(NamedTuple):
    """What ``text[start:end]`` says, under one name for all languages: ``free``, ``monday``."""

    name: str
    start: int
    end: int


@cache
def _patterns(group: str, language: str) -> Mapping[str, re.Pattern[str]]:
    tree: dict[str, Any] = packaged_yaml(__package__, "concepts.yaml")[group]
    return {
        name: re.compile(rf"(?<![a-z\d])(?:{words[language]})(?![a-z\d])")
        for name, words in tree.items()
    }


def concepts_in(text: str, language: str) -> tuple[Concept, ...]:
    """What a sentence may say only if its source does. Empty for other languages than
    `LANGUAGES`."""
    return _found("exact", text, language)


def restrictions_in(text: str, language: str) -> tuple[Concept, ...]:
    """What limits a statement (``only``, ``condition``, ``except``) and must not be left out."""
    return _found("kept", text, language)


def modals_in(text: str, language: str) -> frozenset[str]:
    """Whether ``text`` says what must be (``duty``), or what may be (``leave``)."""
    return frozenset(concept.name for concept in _found("modal", text, language))


def directions_in(text: str, language: str) -> frozenset[str]:
    """Which ways the times of ``text`` go: ``onwards``, ``until``, ``within``, ``after``,
    ``before``."""
    return frozenset(concept.name for concept in _found("direction", text, language))


def comes_after(text: str, language: str) -> bool:
    """Whether ``text`` says that something comes after something else."""
    return bool(_found("opposite", text, language))


@lru_cache(1024)
def _found(group: str, text: str, language: str) -> tuple[Concept, ...]:
    if language not in LANGUAGES:
        return ()
    folded = read_text(text).folded
    found = [
        Concept(name, match.start(), match.end())
        for name, pattern in _patterns(group, language).items()
        for match in pattern.finditer(folded)
    ]
    return tuple(each for each in found if not any(_within(each, other) for other in found))


def _within(each: Concept, other: Concept) -> bool:
    """``gift`` in ``gift card``."""
    longer = other.end - other.start > each.end - each.start
    return longer and other.start <= each.start and each.end <= other.end
