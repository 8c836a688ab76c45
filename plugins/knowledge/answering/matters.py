"""Which matters of customer service a text is about, by the words of ``matters.yaml``.

The encoder knows what texts mean in general. That "not turned up", "abhanden" and "lost" are one
matter of a parcel, it hardly knows. The words are those of any shop, bank, telephone company or
software, in five languages.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache, lru_cache
from itertools import islice

from gateway import packaged_yaml
from plugins.knowledge.answering.words import folded

LANGUAGES = ("en", "de", "fr", "es", "nl")
"""Those of the columns of ``matters.yaml``."""
PREFIX = 5
"""Letters from which a word stands for all that begin with it."""
GAP = 5
"""From one word of a phrase to the next."""
LONGEST_WORD = 64
"""Letters; what is longer is no word."""
MOST_WORDS = 400
"""Words of a text that are read."""
READ_TEXTS = 4_096
"""Texts whose matters are kept: those of sources come again and again."""
READ_WORDS = 20_000
"""Words that are kept as they were looked up."""
_WORD = re.compile(r"[^\W_]+")
_APOSTROPHE = re.compile(r"(?<=\w)['’](?=\w)")


class _Lexicon:
    """The words of some languages. A phrase is a tuple of entries of the list."""

    def __init__(self, languages: tuple[str, ...]) -> None:
        self._exact: dict[str, str] = {}
        self._begins: dict[str, str] = {}
        self._within: dict[str, str] = {}
        self.matters: dict[tuple[str, ...], set[str]] = {}
        self.begun: dict[str, set[tuple[str, ...]]] = {}
        """By its last entry, every beginning of a phrase."""
        for matter, texts in packaged_yaml("plugins.knowledge.answering", "matters.yaml").items():
            columns = dict(zip(LANGUAGES, texts.split("|"), strict=True))
            for language in languages:
                for phrase in columns[language].split(","):
                    self._add(matter, _plain(phrase, language))

    def _add(self, matter: str, phrase: str) -> None:
        entries = tuple(re.findall(r"(?<![^\W_])-?[^\W_]+\*?", phrase))
        for number, entry in enumerate(entries, 1):
            word = folded(entry.strip("-*"))
            if entry.startswith("-"):
                self._within[word] = entry
            elif entry.endswith("*") or len(word) >= PREFIX:
                self._begins[word] = entry
            else:
                self._exact[word] = entry
            self.begun.setdefault(entry, set()).add(entries[:number])
        self.matters.setdefault(entries, set()).add(matter)

    @lru_cache(READ_WORDS)  # noqa: B019  (one lexicon for each language, kept for ever)
    def entries(self, word: str) -> tuple[str, ...]:
        """The entries of the list that ``word``, which is folded, stands for."""
        if len(word) > LONGEST_WORD:
            return ()
        return tuple(dict.fromkeys(self._entries(word)))

    def _entries(self, word: str) -> Iterator[str]:
        if word in self._exact:
            yield self._exact[word]
        for end in range(2, len(word) + 1):
            if (entry := self._begins.get(word[:end])) is not None:
                yield entry
        for start in range(len(word) - 3):
            for end in range(start + 3, len(word) + 1):
                if (entry := self._within.get(word[start:end])) is not None:
                    yield entry


def matters_of(text: str, language: str = "") -> frozenset[str]:
    """The names of the matters that ``text`` is about, by words of ``language`` (ISO 639-1); of all
    languages of the list when it is empty, none for a language that is not in the list."""
    if language and language not in LANGUAGES:
        return frozenset()
    return _matters_of(text, language)


@lru_cache(READ_TEXTS)
def _matters_of(text: str, language: str) -> frozenset[str]:
    lexicon = _lexicon(language)
    reached: dict[tuple[str, ...], int] = {}
    found = set[str]()
    for at, match in enumerate(islice(_WORD.finditer(_plain(text, language)), MOST_WORDS)):
        ends = [
            phrase
            for entry in lexicon.entries(folded(match[0]))
            for phrase in lexicon.begun[entry]
            if len(phrase) == 1 or 0 < at - reached.get(phrase[:-1], -GAP - 1) <= GAP
        ]
        for phrase in ends:
            reached[phrase] = at
            found |= lexicon.matters.get(phrase, set())
    return frozenset(found)


def _plain(text: str, language: str) -> str:
    """English leaves apostrophes out (`didn't`); others part words by them (`l'adresse`)."""
    return _APOSTROPHE.sub("" if language == "en" else " ", text)


@cache
def _lexicon(language: str) -> _Lexicon:
    return _Lexicon((language,) if language else LANGUAGES)
