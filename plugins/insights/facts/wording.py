"""What the detectors know of each language, and messages as they read them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any, NamedTuple

from gateway import Message, packaged_yaml

LANGUAGES = ("en", "de", "fr", "es", "it", "nl")
"""The languages with a file in ``words``."""

MAX_CHARACTERS = 4_000
"""Characters of a message that are read; longer ones are pasted logs and quoted mails."""

_WORD = re.compile(r"[^\W_]+(?:[-'][^\W_]+)*")
_CAPITALISED = "ÀÁÂÃÄÅÇÈÉÊËÌÍÎÏÑÒÓÔÕÖÙÚÛÜÝŸŒßàáâãäåçèéêëìíîïñòóôõöùúûüýÿœ"
_PLAIN = "aaaaaaceeeeiiiinooooouuuuyyosaaaaaaceeeeiiiinooooouuuuyyo"
_FOLD = str.maketrans(_CAPITALISED + "’‘İ\u00a0\u202f", _PLAIN + "''i  ")
_ELIDED = frozenset(
    ("jusqu", "lorsqu", "puisqu", "quelqu", "dell", "nell", "all", "sull", "dall", "quest")
)
_UNSENT = frozenset(("failed", "discarded"))


def fold(text: str) -> str:
    """``text`` in lower case without accents, letter for letter: places stay the same."""
    return text.lower() if text.isascii() else text.translate(_FOLD).lower()


class ReadText(NamedTuple):
    """A message's text as the detectors read it. ``folded`` is as long as ``text``."""

    text: str
    folded: str
    sequence: tuple[str, ...]
    """The folded words in order."""
    words: frozenset[str]


@lru_cache(512)
def read_text(text: str) -> ReadText:
    """``text``, folded and in words. Cached: both detectors read the same messages."""
    text = text[:MAX_CHARACTERS]
    folded = fold(text)
    if len(folded) != len(text):  # a letter whose lower case is two characters
        folded = "".join(fold(char)[:1] or " " for char in text)
    sequence = words_of(folded)
    return ReadText(text, folded, sequence, frozenset(sequence))


def words_of(folded: str) -> tuple[str, ...]:
    """The words of a folded text in order. Elided words (``l'ordre``) are two."""
    found: list[str] = _WORD.findall(folded)
    if "'" not in folded:
        return tuple(found)
    parts: list[str] = []
    for word in found:
        elided, _, rest = word.partition("'")
        if rest == "s":
            parts.append(elided)
        elif rest and len(rest) > 1 and (len(elided) <= 2 or elided in _ELIDED):
            parts += (elided, rest)
        parts.append(word)
    return tuple(parts)


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
    asks: Mapping[str, re.Pattern[str]]
    complaints: re.Pattern[str]
    past: re.Pattern[str]
    closings: re.Pattern[str]
    introductions: re.Pattern[str]
    introduced: re.Pattern[str]
    customer_names: re.Pattern[str]
    unneeded: re.Pattern[str]
    events: Mapping[str, frozenset[str]]
    words: Mapping[str, frozenset[str]]
    """The word lists by name; ``asks`` has the words of which one stands in every question for a
    fact, where that is known."""
    ignored: frozenset[str]
    """Words that say nothing of one customer: function words, and those of every case."""
    ignored_stems: frozenset[str]
    digits: Mapping[str, str]
    """Digits of the words of numbers from two to twenty."""
    date: re.Pattern[str]
    german: bool
    """Nouns have capitals."""

    def has(self, name: str, words: Iterable[str]) -> bool:
        """Whether one of ``words`` is in the list ``name``."""
        return not self.words[name].isdisjoint(words)


_LISTS = (
    "request", "more", "other_one", "also_of_photo", "unfit_photo", "complaint_hints", "not_us",
    "no_matter", "past_hints", "greetings", "titles", "determiners", "stop", "generic", "person",
    "yes_no", "days", "months", "name_hints",
)  # fmt: skip


_PATTERNS = (
    "complaints", "past", "closings", "introductions", "introduced", "customer_names", "unneeded"
)  # fmt: skip


@cache
def wording(language: str) -> Wording:
    """The rules of one of `LANGUAGES`."""
    tree: dict[str, Any] = packaged_yaml("plugins.insights.facts", f"words/{language}.yaml")
    words = {name: frozenset(fold(tree[name]).split()) for name in _LISTS}
    ignored = words["stop"] | words["generic"] | words["greetings"] | words["yes_no"]
    days, months = "|".join(words["days"]), "|".join(words["months"])
    return Wording(
        language=language,
        asks={fact: _any(patterns) for fact, patterns in tree["asks"].items()},
        **{name: _any(tree[name]) for name in _PATTERNS},
        events={name: frozenset(fold(text).split()) for name, text in tree["events"].items()},
        words=words,
        ignored=ignored | words["determiners"] | words["titles"],
        ignored_stems=frozenset(stem(word) for word in words["generic"]),
        digits={word: str(n) for n, word in enumerate(fold(tree["numbers_from_two"]).split(), 2)},
        date=re.compile(
            rf"\b(?:{days})\b|\b\d{{1,2}}(?:st|nd|rd|th|er|º|\.)?\s"
            rf"(?:of |de |di )?(?:{months}|may)\b"
            rf"|\b(?:{months}|may) \d{{1,2}}\b|\b\d{{1,2}}[./]\d{{1,2}}[./](?:\d{{2,4}}\b)?"
        ),
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
