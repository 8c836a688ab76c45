"""What a question asks for, which of its words a passage has, and which matters of customer service
a text is about. Pure, without a model."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping
from functools import cache, lru_cache
from itertools import islice
from typing import Any, Literal

from gateway import packaged_yaml

QuestionType = Literal[
    "duration", "price", "time", "place", "weight", "size", "share", "amount", "person", ""
]
"""What kind of answer a question asks for; empty: it does not say."""

STEM = 5
"""Letters that stand for a word: they join its forms, and few different words."""
MOST_QUESTIONS = 1
"""Question marks of a message that one passage can answer."""
LONGEST_QUESTION = 600
"""Characters; a longer message tells a case, which a passage does not settle."""
MOST_WORDS = 60
"""Content words of a question that are looked for; a longer message is no plain question."""

_WORD = re.compile(r"\w+(?:['’]\w+)*")
_DIGITS = re.compile(r"\d[\d.,:/]*\d|\d")
_CODE = re.compile(r"\b(?=\w*\d)(?=\w*[A-Za-z])[\w-]{3,}\b")
_SPACELESS = re.compile(r"[぀-ヿ㐀-鿿฀-๿]")


@cache
def _words() -> Mapping[str, Any]:
    found: dict[str, Any] = packaged_yaml("plugins.knowledge.answering", "words.yaml")
    return found


@cache
def _common() -> frozenset[str]:
    """Words that say nothing about the matter, in all languages together."""
    lists = (text.split() for text in _words()["common"].values())
    return frozenset(_folded(word) for words in lists for word in words)


@cache
def _asked() -> tuple[tuple[QuestionType, re.Pattern[str]], ...]:
    return tuple(
        (kind, re.compile("|".join(rf"(?<!\w)(?:{part})(?!\w)" for part in parts)))
        for kind, parts in _words()["asks_for"].items()
    )


@cache
def _given() -> Mapping[QuestionType, re.Pattern[str]]:
    return {kind: re.compile("|".join(parts)) for kind, parts in _words()["answers_with"].items()}


@cache
def _negations() -> re.Pattern[str]:
    return re.compile("|".join(rf"(?<!\w)(?:{part})(?!\w)" for part in _words()["negations"]))


def _folded(text: str) -> str:
    """``text`` in lower case and without accents."""
    if text.isascii():
        return text.lower()
    plain = unicodedata.normalize("NFKD", text.casefold().replace("’", "'"))
    return "".join(char for char in plain if not unicodedata.combining(char))


def stem(word: str) -> str:
    """What stands for all forms of ``word``, which is folded."""
    return word if any(map(str.isdigit, word)) else word[:STEM]


def content_words(text: str) -> tuple[str, ...]:
    """The stems of the words that say what ``text`` is about, each once, in order."""
    words = (word.split("'")[-1] for word in _WORD.findall(_folded(text)))
    kept = (stem(word) for word in words if len(word) > 1 and word not in _common())
    return tuple(dict.fromkeys(kept))[:MOST_WORDS]


def all_stems(text: str) -> frozenset[str]:
    """The stems of all words of ``text``, which is folded."""
    return frozenset(stem(part) for word in set(_WORD.findall(text)) for part in word.split("'"))


def has_words(word: str, stems: frozenset[str], text: str) -> bool:
    """Whether a passage with these ``stems`` and this folded ``text`` has ``word``, a stem: by
    itself, or within a compound, as German joins words."""
    return word in stems or (len(word) >= STEM and word in text)


def folded(text: str) -> str:
    """``text`` as `has_words` looks through it."""
    return _folded(text)


def is_spaceless(text: str) -> bool:
    """Whether ``text`` is in a script that does not part words, so that none can be compared."""
    return _SPACELESS.search(text) is not None


def asks_one_thing(text: str) -> bool:
    """Whether one passage may answer ``text``, by its length and its question marks."""
    marks = sum(text.count(mark) for mark in "?؟？")
    return marks <= MOST_QUESTIONS and len(text) <= LONGEST_QUESTION


def asked_type(question: str) -> QuestionType:
    """What kind of answer ``question`` asks for."""
    plain = _folded(question)
    return next((kind for kind, pattern in _asked() if pattern.search(plain)), "")


def gives(kind: QuestionType, text: str) -> bool:
    """Whether ``text`` has an answer of this kind: a duration, a price, a time."""
    pattern = _given().get(kind)
    return pattern is None or pattern.search(_folded(text)) is not None


def is_told_by(kind: QuestionType) -> bool:
    """Whether the words of an answer show that it is of this kind."""
    return kind in _given()


def numbers(text: str) -> frozenset[str]:
    """The numbers and codes in ``text``."""
    codes = (code.casefold() for code in _CODE.findall(text))
    return frozenset((*(found.strip(".,:/") for found in _DIGITS.findall(text)), *codes))


def names(text: str) -> frozenset[str]:
    """The folded words of ``text`` that begin with a capital letter and stand neither at the
    beginning of a sentence nor in a text that is all capitals."""
    if text.isupper():
        return frozenset()
    found = set[str]()
    for match in _WORD.finditer(text):
        word, before = match[0], text[: match.start()].rstrip()
        begins = not before or before[-1] in '.!?:;¿¡\n"“„«('
        if word[0].isupper() and not begins and len(word) > 1:
            found.add(_folded(word))
    return frozenset(found)


def thing_counted(question: str) -> str:
    """The thing whose amount ``question`` asks for: `how many days`, `wie viel Guthaben`; empty
    where it asks for no such thing."""
    asked = _amount().search(_folded(question))
    thing = asked["thing"] if asked else ""
    return "" if len(thing) < SHORTEST_THING or thing in _common() else thing


def has_amount_of(thing: str, text: str) -> bool:
    """Whether ``text`` has a number beside ``thing``, which is folded."""
    words = _WORD.findall(_folded(text))
    asked_time, told_time = _calendar()
    begins = told_time if asked_time.fullmatch(thing) else (stem(thing),)
    places = [at for at, word in enumerate(words) if word.startswith(begins)]
    near = (words[max(0, at - BEFORE_THING) : at] for at in places)
    return any(_is_number(word) for part in near for word in part)


BEFORE_THING, SHORTEST_THING = 3, 3
"""Words before a thing among which its number stands, and letters of the shortest thing."""


@cache
def _amount() -> re.Pattern[str]:
    asks = _words()["asks_amount_of"]
    return re.compile(
        rf"(?<!\w)(?:{'|'.join(asks['how_many'])})\s*(?:{asks['between']})?(?P<thing>\w+)"
    )


@cache
def _calendar() -> tuple[re.Pattern[str], tuple[str, ...]]:
    """Days and weeks as they are asked for, and how answers name any of them."""
    calendar = _words()["calendar"]
    return re.compile(calendar["asked"]), tuple(calendar["told"].split())


@cache
def _number_words() -> frozenset[str]:
    return frozenset(_words()["number_words"].split())


def _is_number(word: str) -> bool:
    return word[0].isdigit() or word in _number_words()


def is_negated(text: str) -> bool:
    """Whether ``text`` says that something is not so."""
    return _negations().search(_folded(text)) is not None


LANGUAGES = ("en", "de", "fr", "es", "nl")
"""Those of the columns of ``matters.yaml``."""
PREFIX = 5
"""Letters from which a word stands for all that begin with it."""
GAP = 5
"""From one word of a phrase to the next."""
LONGEST_WORD = 64
"""Letters; what is longer is no word."""
MOST_READ = 400
"""Words of a text that are read."""
READ_TEXTS = 4_096
"""Texts whose matters are kept: those of sources come again and again."""
KEPT_WORDS = 20_000
"""Words that are kept as they were looked up."""
_LETTERS = re.compile(r"[^\W_]+")
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
                    self._add(matter, _parted(phrase, language))

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

    @lru_cache(KEPT_WORDS)  # noqa: B019  (one lexicon for each language, kept for ever)
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
    for at, match in enumerate(islice(_LETTERS.finditer(_parted(text, language)), MOST_READ)):
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


def _parted(text: str, language: str) -> str:
    """English leaves apostrophes out (`didn't`); others part words by them (`l'adresse`)."""
    return _APOSTROPHE.sub("" if language == "en" else " ", text)


@cache
def _lexicon(language: str) -> _Lexicon:
    return _Lexicon((language,) if language else LANGUAGES)
