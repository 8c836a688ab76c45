"""Finds in a reply the phrases that move a customer's mood, by the word lists in ``words``.

A phrase is a row of tokens: ``a|b`` is a choice, ``a*`` a word with any ending, ``a?`` may be
missing, ``~`` stands for up to three words, and ``!a|b`` says that none of these words follows.
``*a`` is a word with any beginning. Case, accents, apostrophes and hyphens do not count.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from functools import cache
from typing import get_args

from gateway import Value, packaged_yaml
from plugins.practice.values import PhraseKind, PracticeLanguage

GAP_WORDS = 3
"""The most words that ``~`` stands for: within one clause of the languages that we serve."""

LANGUAGES: tuple[PracticeLanguage, ...] = get_args(PracticeLanguage)
KINDS: tuple[PhraseKind, ...] = get_args(PhraseKind)

_SENTENCE = re.compile(r"[^.!?…\n]+[.!?…]*")
_WORD = re.compile(r"[^\W_]+")
_DIGITS = "[0-9]*"
_CONSUMED = " · "


class FoundSentence(Value, frozen=True, kw_only=True):
    """A sentence of a reply, ``text == reply[start:end]``, with what it does."""

    text: str
    start: int
    end: int
    kinds: frozenset[PhraseKind]
    after_but: frozenset[PhraseKind] = frozenset()
    """What is said behind a ``but``, where there is one."""
    asks: bool = False


class PhraseBook:
    """The phrases of one language, compiled."""

    def __init__(self, language: PracticeLanguage) -> None:
        lists = packaged_yaml("plugins.practice.words", f"{language}.yaml")
        self._patterns = {kind: _compiled(lists[kind]) for kind in KINDS}

    def sentences(self, reply: str) -> tuple[FoundSentence, ...]:
        """The sentences of ``reply`` that have a word."""
        return tuple(
            self._sentence(found[0], found.start())
            for found in _SENTENCE.finditer(reply)
            if _WORD.search(found[0])
        )

    def has(self, kind: PhraseKind, text: str) -> bool:
        """Whether ``text`` has a phrase of ``kind``."""
        return bool(self._patterns[kind].search(normalised(text)))

    def _sentence(self, text: str, start: int) -> FoundSentence:
        stripped = text.strip()
        start += text.index(stripped)
        plain = normalised(stripped)
        # "It is not your fault" relieves: what is left of it must not be read as blame.
        plain, count = self._patterns["absolve"].subn(_CONSUMED, plain)
        kinds = self._kinds(plain)
        if count:
            kinds.add("absolve")
        but = self._patterns["but"].search(plain)
        return FoundSentence(
            text=stripped,
            start=start,
            end=start + len(stripped),
            kinds=frozenset(kinds),
            after_but=frozenset(self._kinds(plain[but.end() :] + " ")) if but else frozenset(),
            asks=stripped.endswith("?"),
        )

    def _kinds(self, plain: str) -> set[PhraseKind]:
        return {kind for kind in KINDS if kind != "absolve" and self._patterns[kind].search(plain)}


@cache
def phrase_book(language: PracticeLanguage) -> PhraseBook:
    """The one of a language, read at the first use."""
    return PhraseBook(language)


def normalised(text: str) -> str:
    """The words of ``text`` without accents and case, with a space before, between and behind."""
    plain = unicodedata.normalize("NFD", text.casefold())
    plain = "".join(char for char in plain if not unicodedata.combining(char))
    return f" {' '.join(_WORD.findall(plain))} "


def content_stems(text: str) -> frozenset[str]:
    """What stands for the longer words of ``text``: enough to see whether a reply speaks of what
    the customer wrote."""
    words = normalised(text).split()
    return frozenset(word[:5] for word in words if len(word) > 4 and not word.isdigit())


def _compiled(phrases: Sequence[str]) -> re.Pattern[str]:
    return re.compile("|".join(_pattern(str(phrase)) for phrase in phrases))


def _pattern(phrase: str) -> str:
    """A regular expression for normalised text: each token begins with its space."""
    parts = []
    for token in phrase.split():
        if token == "~":  # noqa: S105  (no secret)
            parts.append(rf"(?: \S+){{0,{GAP_WORDS}}}?")
            continue
        if token.startswith("!"):
            words = "|".join(_choice(each) for each in token[1:].split("|"))
            parts.append(f"(?! (?:{words})(?= ))")
            continue
        optional = token.endswith("?")
        choices = "|".join(_choice(each) for each in token.removesuffix("?").split("|"))
        parts.append(f"(?: (?:{choices}))" + ("?" if optional else ""))
    return "(?:" + "".join(parts) + r"(?= ))"


def _choice(choice: str) -> str:
    """One word of a token: folded as the text is."""
    digits, _, rest = choice.partition(_DIGITS)
    if _DIGITS in choice:
        return re.escape(normalised(digits).strip()) + r"\d+" + _choice(rest) if rest else r"\d+"
    begin, end = (
        (r"\w*" if choice.startswith("*") else ""),
        (r"\w*" if choice.endswith("*") else ""),
    )
    return begin + re.escape(normalised(choice.strip("*")).strip()) + end
