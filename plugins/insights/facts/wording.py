"""What the detectors know of each language, and messages as they read them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, NamedTuple

from gateway import (
    Message,
    ReadText,
    StatementWords,
    fold,
    packaged_yaml,
    read_text,
    statement_words,
)

LANGUAGES = ("en", "de", "fr", "es", "it", "nl")
"""The languages with a file in ``words``."""

_WORD = re.compile(r"[^\W_]+(?:[-'][^\W_]+)*")
_ELIDED = frozenset(
    ("jusqu", "lorsqu", "puisqu", "quelqu", "dell", "nell", "all", "sull", "dall", "quest")
)
_UNSENT = frozenset(("failed", "discarded"))


class Token(NamedTuple):
    """A word at its place: ``text[start:end]``, folded in ``word``."""

    word: str
    start: int
    end: int


def tokens(read: ReadText) -> list[Token]:
    """The words in order with their places. Elided words are two."""
    found = []
    for match in _WORD.finditer(read.folded):
        word, start = match[0], match.start()
        elided, _, rest = word.partition("'")
        if rest and rest != "s" and len(rest) > 1 and (len(elided) <= 2 or elided in _ELIDED):
            found.append(Token(elided, start, start + len(elided)))
            word, start = rest, start + len(elided) + 1
        elif rest == "s":
            word = elided
        found.append(Token(word, start, start + len(word)))
    return found


def stem(word: str) -> str:
    """A rough stem: without the endings of plurals, at most eight letters."""
    cut = word.rstrip("sne")
    return cut[:8] if len(cut) > 2 else word[:8]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wording:
    """One language's rules, from its file in ``words``. Words and patterns are folded."""

    language: str
    statements: StatementWords
    """How facts are asked for and stated: what the gateway knows of the language."""
    complaints: re.Pattern[str]
    past: re.Pattern[str]
    closings: re.Pattern[str]
    introductions: re.Pattern[str]
    introduced: re.Pattern[str]
    events: Mapping[str, frozenset[str]]
    words: Mapping[str, frozenset[str]]
    """The word lists by name, those of ``statements`` included."""
    ignored: frozenset[str]
    """Words that say nothing of one customer: function words, and those of every case."""
    ignored_stems: frozenset[str]
    digits: Mapping[str, str]
    """Digits of the words of numbers from two to twenty."""
    german: bool
    """Nouns have capitals."""

    def has(self, name: str, words: Iterable[str]) -> bool:
        """Whether one of ``words`` is in the list ``name``."""
        return not self.words[name].isdisjoint(words)


_LISTS = (
    "complaint_hints", "not_us", "no_matter", "past_hints", "greetings", "titles", "determiners",
    "stop", "generic", "person", "yes_no",
)  # fmt: skip


_PATTERNS = (
    "complaints", "past", "closings", "introductions", "introduced"
)  # fmt: skip


@cache
def wording(language: str) -> Wording:
    """The rules of one of `LANGUAGES`."""
    tree: dict[str, Any] = packaged_yaml("plugins.insights.facts", f"words/{language}.yaml")
    statements = statement_words(language)
    words = {name: frozenset(fold(tree[name]).split()) for name in _LISTS}
    words |= statements.words
    ignored = words["stop"] | words["generic"] | words["greetings"] | words["yes_no"]
    return Wording(
        language=language,
        statements=statements,
        **{name: _any(tree[name]) for name in _PATTERNS},
        events={name: frozenset(fold(text).split()) for name, text in tree["events"].items()},
        words=words,
        ignored=ignored | words["determiners"] | words["titles"],
        ignored_stems=frozenset(stem(word) for word in words["generic"]),
        digits={word: str(n) for n, word in enumerate(fold(tree["numbers_from_two"]).split(), 2)},
        german=language == "de",
    )


def _any(patterns: Sequence[str]) -> re.Pattern[str]:
    return re.compile("|".join(f"(?:{fold(pattern)})" for pattern in patterns))


class Talk(NamedTuple):
    """What was said in a conversation: sent messages with words, and their language's rules."""

    messages: tuple[tuple[Message, ReadText], ...]
    wording: Wording


def read_talk(messages: Sequence[Message]) -> Talk | None:
    """The conversation as the detectors read it; None when nobody of ours answers in it."""
    said = [
        (message, read_text(message.text))
        for message in messages
        if not message.internal and message.author != "system" and message.status not in _UNSENT
    ]
    if len(said) < 2:
        return None
    return Talk(tuple(said), wording(_language(said)))


def _language(said: Sequence[tuple[Message, ReadText]]) -> str:
    """The language with most function words in the texts.

    What the gateway understood of a message is one message's language; a conversation of short
    ones (`MP-20417`, `yes`) is read more surely as a whole, with our answers.
    """
    function_words = _function_words()
    counts = dict.fromkeys(LANGUAGES, 0)
    for _, read in said[:8]:
        for word in function_words.keys() & read.words:
            for language in function_words[word]:
                counts[language] += 1
    return max(counts, key=counts.__getitem__)


@cache
def _function_words() -> dict[str, tuple[str, ...]]:
    """The languages in which a word is a function word, a greeting or a word of every case."""
    found: dict[str, tuple[str, ...]] = {}
    for language in LANGUAGES:
        for word in wording(language).ignored:
            found[word] = (*found.get(word, ()), language)
    return found
