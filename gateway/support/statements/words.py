"""How each language asks for facts and states them: the lists in ``words/*.yaml``."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from gateway.settings import packaged_yaml
from gateway.support.statements.text import fold

STATEMENT_LANGUAGES = ("en", "de", "fr", "es", "it", "nl")
"""The languages with a file in ``words``."""
_LISTS = (
    "request", "more", "other_one", "also_of_photo", "unfit_photo", "days", "months", "name_hints",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class StatementWords:
    """One language's lists. Words and patterns are folded (see `fold`)."""

    language: str
    asks: Mapping[str, re.Pattern[str]]
    """How each fact is asked for."""
    unneeded: re.Pattern[str]
    """What makes a sentence no question for a fact."""
    customer_names: re.Pattern[str]
    """What stands before a name that the customer gives as theirs."""
    date: re.Pattern[str]
    words: Mapping[str, frozenset[str]]

    def has(self, name: str, words: Iterable[str]) -> bool:
        """Whether one of ``words`` is in the list ``name``."""
        return not self.words[name].isdisjoint(words)


@cache
def statement_words(language: str) -> StatementWords:
    """The lists of one of `STATEMENT_LANGUAGES`; of English for any other language."""
    if language not in STATEMENT_LANGUAGES:
        return statement_words("en")
    tree: dict[str, Any] = packaged_yaml("gateway.support.statements", f"words/{language}.yaml")
    words = {name: frozenset(fold(tree[name]).split()) for name in _LISTS}
    days, months = "|".join(words["days"]), "|".join(words["months"])
    return StatementWords(
        language=language,
        asks={fact: any_of(patterns) for fact, patterns in tree["asks"].items()},
        unneeded=any_of(tree["unneeded"]),
        customer_names=any_of(tree["customer_names"]),
        date=re.compile(
            rf"\b(?:{days})\b|\b\d{{1,2}}(?:st|nd|rd|th|er|º|\.)?\s"
            rf"(?:of |de |di )?(?:{months}|may)\b"
            rf"|\b(?:{months}|may) \d{{1,2}}\b|\b\d{{1,2}}[./]\d{{1,2}}[./](?:\d{{2,4}}\b)?"
        ),
        words=words,
    )


@cache
def value_shape(name: str) -> re.Pattern[str]:
    """Any of the expressions in the list ``name`` of ``words/values.yaml``: how values look in all
    languages."""
    lists = packaged_yaml("gateway.support.statements", "words/values.yaml")
    return any_of(lists[name])


def any_of(patterns: Sequence[str]) -> re.Pattern[str]:
    """One expression for ``patterns``, folded."""
    return re.compile("|".join(f"(?:{fold(pattern)})" for pattern in patterns))
