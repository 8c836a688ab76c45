"""Phrases from ``words/*.yaml``, found in messages word by word.

A phrase is words with a small grammar: ``a|b`` either word, ``word?`` optional, ``word*`` a prefix,
``_`` any word, and parentheses around alternatives of several words. Case, accents and apostrophes
do not matter. A phrase never crosses the end of a clause.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from typing import Any, NamedTuple, TypeAlias

import yaml

from .text import WordToken, tokenize

PHRASE_FILES = tuple(
    sorted(
        file.name.removesuffix(".yaml")
        for file in files(__package__).joinpath("words").iterdir()
        if file.name.endswith(".yaml")
    )
)
"""The languages that have phrases, and two files read in every language: ``emoji``, ``other``."""

CACHED_KEYS = 2048
"""Words for which a finder caches the phrases that can begin with them."""

_ELEMENT = re.compile(r"\(([^()]*)\)(\??)|(\S+)")


class FoundPhrase(NamedTuple):
    """A phrase found in a message: tokens ``first`` to ``last`` (exclusive), and what it shows."""

    kind: str
    weight: int
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class _Element:
    exact: frozenset[str]
    prefixes: tuple[str, ...]
    sequences: tuple[tuple[str, ...], ...]
    any_word: bool
    optional: bool

    def accepts(self, key: str) -> bool:
        """Whether this one word matches."""
        return self.any_word or key in self.exact or key.startswith(self.prefixes)

    def ends(self, words: Sequence[WordToken], at: int, stop: int) -> Iterable[int]:
        """Where this element can end when it begins at ``at``."""
        if at < stop:
            if self.accepts(words[at].key):
                yield at + 1
            for sequence in self.sequences:
                end = at + len(sequence)
                if end <= stop and tuple([word.key for word in words[at:end]]) == sequence:
                    yield end
        if self.optional:
            yield at


CUSTOM_WEIGHT = 4
"""The weight of a custom phrase: somebody chose it with care, so no model overrules it. Those of
the package have 1 to 3."""


@dataclass(frozen=True, slots=True)
class PhrasePattern:
    """One phrase, what it shows, and how strongly (1 weak to 3 strong)."""

    kind: str
    weight: int
    elements: tuple[_Element, ...]
    plain: tuple[frozenset[str], ...] | None
    """The words at each place when the phrase has no other grammar: compared without detours."""

    def match_end(self, words: Sequence[WordToken], at: int, stop: int) -> int:
        """Where the longest match that begins at ``at`` ends; -1 without a match."""
        if self.plain is None:
            return self._match_end(words, at, stop, 0)
        end = at + len(self.plain)
        if end > stop:
            return -1
        for exact, n in zip(self.plain, range(at, end), strict=True):
            if words[n].key not in exact:
                return -1
        return end

    def second_words(self, key: str) -> frozenset[str] | None:
        """The words that can follow ``key`` where it begins this; None: any word, or none."""
        found: set[str] = set()
        for at, element in enumerate(self.elements):
            if element.accepts(key):
                starts = self._starts(at + 1)
                if starts is None:
                    return None
                found |= starts
            found.update(sequence[1] for sequence in element.sequences if sequence[0] == key)
            if not element.optional:
                break
        return frozenset(found)

    def _starts(self, first: int) -> set[str] | None:
        """The words that can stand where element ``first`` begins; None: any word, or none."""
        found: set[str] = set()
        for element in self.elements[first:]:
            if element.any_word or element.prefixes:
                return None
            found |= element.exact
            found.update(sequence[0] for sequence in element.sequences)
            if not element.optional:
                return found
        return None

    def _match_end(self, words: Sequence[WordToken], at: int, stop: int, element: int) -> int:
        if element == len(self.elements):
            return at
        ends = self.elements[element].ends(words, at, stop)
        return max((self._match_end(words, end, stop, element + 1) for end in ends), default=-1)


_Candidate: TypeAlias = tuple[PhrasePattern, frozenset[str] | None]
"""A phrase that can begin with a word, and the words that can come second."""


class PhraseFinder:
    """Finds many phrases at once: it tries each only where its first word stands."""

    def __init__(self, phrases: Iterable[PhrasePattern]) -> None:
        self._by_word: dict[str, list[PhrasePattern]] = {}
        self._by_start: dict[str, list[tuple[str, PhrasePattern]]] = {}
        for phrase in phrases:
            for element in phrase.elements:
                for word in (*element.exact, *(words[0] for words in element.sequences)):
                    self._by_word.setdefault(word, []).append(phrase)
                for prefix in element.prefixes:
                    self._by_start.setdefault(prefix[:2], []).append((prefix, phrase))
                if not element.optional:
                    break
        self._candidates = lru_cache(CACHED_KEYS)(self._find_candidates)

    def knows(self, key: str) -> bool:
        """Whether a phrase can begin with this word."""
        return bool(self._candidates(key))

    def find(self, words: Sequence[WordToken]) -> list[FoundPhrase]:
        """The matches in order, without those inside a longer match of the same kind."""
        if not (self._by_word or self._by_start):
            return []
        matches: list[FoundPhrase] = []
        stops: list[int] | None = None
        following = [*[word.key for word in words[1:]], ""]
        for at, word in enumerate(words):
            for phrase, seconds in self._candidates(word.key):
                if seconds is not None and following[at] not in seconds:
                    continue
                stops = stops or _clause_ends(words)
                if (end := phrase.match_end(words, at, stops[at])) > at:
                    matches.append(FoundPhrase(phrase.kind, phrase.weight, at, end))
        if len(matches) < 2:
            return matches
        matches = list(dict.fromkeys(matches))
        return [match for match in matches if not any(_covers(other, match) for other in matches)]

    def _find_candidates(self, key: str) -> tuple[_Candidate, ...]:
        starts = self._by_start.get(key[:2], ())
        phrases = (
            *self._by_word.get(key, ()),
            *(phrase for prefix, phrase in starts if key.startswith(prefix)),
        )
        return tuple((phrase, phrase.second_words(key)) for phrase in phrases)


def _covers(other: FoundPhrase, match: FoundPhrase) -> bool:
    """Whether ``other`` says more of the same words: it is longer, or stronger."""
    if other is match or other.kind != match.kind:
        return False
    if not (other.first <= match.first and match.last <= other.last):
        return False
    return (other.last - other.first, other.weight) > (match.last - match.first, match.weight)


def _clause_ends(words: Sequence[WordToken]) -> list[int]:
    """For each word, where its clause ends."""
    ends = [len(words)] * len(words)
    for at in range(len(words) - 2, -1, -1):
        same = words[at].clause == words[at + 1].clause
        ends[at] = ends[at + 1] if same else at + 1
    return ends


# -- the files -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class LanguagePhrases:
    """The phrases and words of one language. Words are folded (see `text.fold`)."""

    greetings: frozenset[str] = frozenset()
    """Greetings and words that identify the language by themselves."""
    courtesies: tuple[str, ...] = ()
    """What begins and ends letters: `dear`, `kind regards`."""
    negations: frozenset[str] = frozenset()
    emphasis: frozenset[str] = frozenset()
    """Plain words that are never a name: in capitals they are shouting."""
    profanity: tuple[str, ...] = ()
    """Beginnings of rude words that also express joy."""
    praise: frozenset[str] = frozenset()
    """Words that are praise beside a rude word (`damn good`)."""
    pleas: tuple[PhrasePattern, ...] = ()
    """Kind `call`: `hello`, `anybody there`. Kind `plea`: `please`."""
    ironic_praise: frozenset[str] = frozenset()
    """Words that mean the opposite when nothing else stands before bad news."""
    recurrence: frozenset[str] = frozenset()
    """Words that make bad news of anything after ironic praise."""
    resolved: frozenset[str] = frozenset()
    """Words that make the news good after all."""
    question_starts: frozenset[str] = frozenset()
    question_joiners: frozenset[str] = frozenset()
    """Words that continue with another question."""
    person_alone: tuple[PhrasePattern, ...] = ()
    """Phrases that ask for a person when the message says nothing else."""
    refusals: tuple[PhrasePattern, ...] = ()
    feelings: tuple[PhrasePattern, ...] = ()
    signals: tuple[PhrasePattern, ...] = ()
    substrings: tuple[tuple[str, str], ...] = ()
    """(kind, text) for scripts without spaces between words."""
    names: tuple[PhrasePattern, ...] = ()
    """Products and the like: in capitals they are not shouting."""


def load_phrases(language: str) -> LanguagePhrases:
    """The phrases of one of `PHRASE_FILES`, from the data of this package."""
    source = files(__package__).joinpath("words", f"{language}.yaml").read_text("utf-8")
    # The base loader keeps every word a string: `no` and `on` are not truth values here.
    tree: dict[str, Any] = yaml.load(source, Loader=yaml.CBaseLoader)  # noqa: S506  (makes only strings)
    return LanguagePhrases(
        greetings=frozenset(" ".join(_keys(text)) for text in tree.get("greetings", [])),
        courtesies=tuple(tree.get("courtesies", [])),
        negations=_words(tree, "negations"),
        emphasis=_words(tree, "emphasis"),
        profanity=tuple(sorted(_words(tree, "profanity"))),
        praise=_words(tree, "praise"),
        pleas=tuple(
            parse_phrase(text, kind)
            for kind in ("call", "plea")
            for text in tree.get(f"{kind}s", [])
        ),
        ironic_praise=_words(tree, "ironic_praise"),
        recurrence=_words(tree, "recurrence"),
        resolved=_words(tree, "resolved"),
        question_starts=_words(tree, "question_starts"),
        question_joiners=_words(tree, "question_joiners"),
        person_alone=tuple(
            parse_phrase(text, "asked_for_person") for text in tree.get("person_alone", [])
        ),
        refusals=tuple(parse_phrase(text, "refusal") for text in tree.get("refusals", [])),
        feelings=tuple(
            parse_phrase(text, kind, int(weight))
            for kind, strengths in tree.get("feelings", {}).items()
            for weight, texts in strengths.items()
            for text in texts
        ),
        signals=tuple(
            parse_phrase(text, kind)
            for kind, texts in tree.get("signals", {}).items()
            for text in texts
        ),
        substrings=tuple(
            (kind, text) for kind, texts in tree.get("substrings", {}).items() for text in texts
        ),
    )


def parse_phrase(text: str, kind: str, weight: int = 2) -> PhrasePattern:
    """Parse one phrase. Raises ValueError when it has no word that it must begin with."""
    elements: list[_Element] = []
    for group, mark, word in _ELEMENT.findall(text):
        optional = bool(mark) or (len(word) > 1 and word.endswith("?"))
        elements.append(_parse_element(group or word.removesuffix("?"), optional=optional))
    if not elements or elements[0].any_word or all(element.optional for element in elements):
        raise ValueError(f"`{text}` has no word that must occur; add one")
    simple = not any(e.any_word or e.optional or e.prefixes or e.sequences for e in elements)
    plain = tuple(element.exact for element in elements) if simple else None
    return PhrasePattern(kind, weight, tuple(elements), plain)


def _parse_element(text: str, *, optional: bool) -> _Element:
    exact, prefixes, sequences = set(), [], []
    any_word = False
    for option in text.split("|"):
        keys = _keys(option)
        if option == "_":
            any_word = True
        elif option.endswith("*") and len(keys) == 1:
            prefixes.append(keys[0])
        elif len(keys) == 1:
            exact.add(keys[0])
        elif keys:
            sequences.append(keys)
    return _Element(frozenset(exact), tuple(prefixes), tuple(sequences), any_word, optional)


def _words(tree: Mapping[str, Any], name: str) -> frozenset[str]:
    return frozenset(key for text in tree.get(name, []) for key in _keys(text))


def _keys(text: str) -> tuple[str, ...]:
    return tuple(token.key for token in tokenize(text))
