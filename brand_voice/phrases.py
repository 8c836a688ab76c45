"""Finds the guide's phrases in a text: by first word, so that long lists cost little."""

from __future__ import annotations

import re
from collections.abc import Iterable

from brand_voice.guide import Category
from gateway import Value

_WORD = re.compile(r"\w+")


class Entry(Value, frozen=True, kw_only=True):
    """A phrase of the guide under the rule it belongs to."""

    rule: str
    category: Category
    phrase: str
    instead: str | None = None

    def suggestion(self, found: str) -> str | None:
        """What to say for ``found``, with its capital; None when there is no ready word."""
        if self.instead and found[:1].isupper():
            return self.instead[0].upper() + self.instead[1:]
        return self.instead


class Hit(Value, frozen=True, kw_only=True):
    """``entry`` stands at ``text[start:end]``."""

    start: int
    end: int
    entry: Entry


class Phrases:
    """All phrases of one language, compiled once."""

    def __init__(self, entries: Iterable[Entry]) -> None:
        self._by_first: dict[str, list[tuple[re.Pattern[str], Entry]]] = {}
        for entry in sorted(entries, key=lambda one: len(one.phrase), reverse=True):
            first = _first_word(entry.phrase)
            self._by_first.setdefault(first, []).append((pattern(entry.phrase), entry))

    def find(self, text: str) -> list[Hit]:
        """Every phrase, from left to right; where two overlap, the earlier and longer one."""
        found: list[Hit] = []
        done = 0
        for word in _WORD.finditer(text):
            candidates = self._by_first.get(word[0].lower())
            if candidates is None or word.start() < done:
                continue
            for expression, entry in candidates:
                if match := expression.match(text, word.start()):
                    done = match.end()
                    found.append(Hit(start=match.start(), end=done, entry=entry))
                    break
        return found


def pattern(phrase: str) -> re.Pattern[str]:
    """``phrase`` as it may stand in a text: any case, blanks and apostrophes."""
    words = (re.sub("['’]", "['’]", re.escape(word)) for word in phrase.split())
    return re.compile(r"[\s\u00a0]+".join(words) + r"(?!\w)", re.IGNORECASE)


def _first_word(phrase: str) -> str:
    found = _WORD.match(phrase)
    return found[0].lower() if found else phrase.lower()
