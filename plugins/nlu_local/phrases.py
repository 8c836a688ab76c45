"""Phrases as people write them down in ``words/*.yaml``, found in messages word by word.

A phrase is words with a little grammar: ``a|b`` either, ``word?`` perhaps, ``word*`` anything
that begins so, ``_`` any word, and parentheses around alternatives of several words. Case,
accents and apostrophes do not matter. A phrase never reaches over the end of a clause.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Any, NamedTuple, TypeAlias

import yaml

from .text import Token, tokens

WORDS = tuple(
    sorted(
        file.name.removesuffix(".yaml")
        for file in files(__package__).joinpath("words").iterdir()
        if file.name.endswith(".yaml")
    )
)
"""The languages there are phrases for, and ``other``: scraps of many more."""

_ELEMENT = re.compile(r"\(([^()]*)\)(\??)|(\S+)")


class Hit(NamedTuple):
    """A phrase in a message: tokens ``first`` to ``last`` exclusive, by what it shows."""

    kind: str
    weight: int
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class _Element:
    exact: frozenset[str]
    prefixes: tuple[str, ...]
    several: tuple[tuple[str, ...], ...]
    anything: bool
    optional: bool

    def ends(self, words: Sequence[Token], at: int, stop: int) -> Iterable[int]:
        """Where this element can end when it begins at ``at``."""
        if at < stop:
            key = words[at].key
            if self.anything or key in self.exact or key.startswith(self.prefixes):
                yield at + 1
            for one in self.several:
                if _same(one, words, at, stop):
                    yield at + len(one)
        if self.optional:
            yield at


@dataclass(frozen=True, slots=True)
class Phrase:
    """One phrase, what it shows, and how strongly (1 weak .. 3 strong)."""

    kind: str
    weight: int
    elements: tuple[_Element, ...]
    plain: tuple[frozenset[str], ...] | None
    """The words of each place, when it is nothing but words: compared without detours."""

    def reach(self, words: Sequence[Token], at: int, stop: int) -> int:
        """Where the longest match that begins at ``at`` ends; -1 when there is none."""
        if self.plain is None:
            return self._reach(words, at, stop, 0)
        end = at + len(self.plain)
        if end > stop:
            return -1
        for exact, n in zip(self.plain, range(at, end), strict=True):
            if words[n].key not in exact:
                return -1
        return end

    def seconds(self, key: str) -> frozenset[str] | None:
        """The words that can follow ``key`` where it begins this; None: any word, or none."""
        found: set[str] = set()
        for at, element in enumerate(self.elements):
            if element.anything or key in element.exact or key.startswith(element.prefixes):
                starts = self._starts(at + 1)
                if starts is None:
                    return None
                found |= starts
            found.update(one[1] for one in element.several if one[0] == key)
            if not element.optional:
                break
        return frozenset(found)

    def _starts(self, first: int) -> set[str] | None:
        """The words that can stand where element ``first`` begins; None: any, or none."""
        found: set[str] = set()
        for element in self.elements[first:]:
            if element.anything or element.prefixes:
                return None
            found |= element.exact
            found.update(one[0] for one in element.several)
            if not element.optional:
                return found
        return None

    def _reach(self, words: Sequence[Token], at: int, stop: int, element: int) -> int:
        if element == len(self.elements):
            return at
        ends = self.elements[element].ends(words, at, stop)
        return max((self._reach(words, end, stop, element + 1) for end in ends), default=-1)


Begun: TypeAlias = tuple[Phrase, frozenset[str] | None]
"""A phrase that can begin with a word, and what it takes for a second one."""

REMEMBERED = 2048
"""Words of which a finder remembers what can begin with them."""


class Finder:
    """Finds many phrases at once: each is tried only where its first word stands."""

    def __init__(self, phrases: Iterable[Phrase]) -> None:
        self._by_word: dict[str, list[Phrase]] = {}
        self._by_start: dict[str, list[tuple[str, Phrase]]] = {}
        for phrase in phrases:
            for element in phrase.elements:
                for word in (*element.exact, *(one[0] for one in element.several)):
                    self._by_word.setdefault(word, []).append(phrase)
                for prefix in element.prefixes:
                    self._by_start.setdefault(prefix[:2], []).append((prefix, phrase))
                if not element.optional:
                    break
        self._by_key: dict[str, tuple[Begun, ...]] = {}

    def knows(self, key: str) -> bool:
        """Whether a phrase can begin with this word."""
        return bool(self._by_key.get(key) or self._beginning(key))

    def find(self, words: Sequence[Token]) -> list[Hit]:
        """All hits that do not lie within a longer one of the same kind, in order."""
        if not (self._by_word or self._by_start):
            return []
        hits: list[Hit] = []
        stops: list[int] | None = None
        following = [*[word.key for word in words[1:]], ""]
        for at, word in enumerate(words):
            phrases = self._by_key.get(word.key)
            if phrases is None:
                phrases = self._beginning(word.key)
            for phrase, seconds in phrases:
                if seconds is not None and following[at] not in seconds:
                    continue
                stops = stops or _stops(words)
                _add(hits, phrase, phrase.reach(words, at, stops[at]), at)
        if len(hits) < 2:
            return hits
        return [hit for hit in hits if not any(_covers(other, hit) for other in hits)]

    def _beginning(self, key: str) -> tuple[Begun, ...]:
        """The phrases that can begin with this word; remembered, as the same words come again."""
        starts = self._by_start.get(key[:2], ())
        begun = (
            *self._by_word.get(key, ()),
            *(phrase for prefix, phrase in starts if key.startswith(prefix)),
        )
        found = tuple((phrase, phrase.seconds(key)) for phrase in begun)
        if len(self._by_key) >= REMEMBERED:
            self._by_key.clear()
        self._by_key[key] = found
        return found


def _add(hits: list[Hit], phrase: Phrase, end: int, at: int) -> None:
    if end > at and (hit := Hit(phrase.kind, phrase.weight, at, end)) not in hits:
        hits.append(hit)


def _covers(other: Hit, hit: Hit) -> bool:
    """Whether ``other`` says more of the same words: it is longer, or stronger."""
    if other is hit or other.kind != hit.kind:
        return False
    if not (other.first <= hit.first and hit.last <= other.last):
        return False
    return (other.last - other.first, other.weight) > (hit.last - hit.first, hit.weight)


def _stops(words: Sequence[Token]) -> list[int]:
    """For each word, where its clause ends."""
    stops = [len(words)] * len(words)
    for at in range(len(words) - 2, -1, -1):
        same = words[at].clause == words[at + 1].clause
        stops[at] = stops[at + 1] if same else at + 1
    return stops


def _same(one: tuple[str, ...], words: Sequence[Token], at: int, stop: int) -> bool:
    end = at + len(one)
    return end <= stop and tuple([word.key for word in words[at:end]]) == one


# -- reading -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """What we know of how one language is spoken."""

    language: frozenset[str] = frozenset()
    """Words and greetings (folded) that show the language by themselves."""
    negations: frozenset[str] = frozenset()
    emphasis: frozenset[str] = frozenset()
    """Plain words that are never a name: written in capitals they are shouted."""
    oaths: tuple[str, ...] = ()
    """Beginnings of rude words that are said in joy, too."""
    scorn: frozenset[str] = frozenset()
    """Words that mean the opposite when they are all that stands before bad news."""
    again: frozenset[str] = frozenset()
    """Words that make bad news of anything after scorn."""
    mended: frozenset[str] = frozenset()
    """Words by which the news are good after all."""
    asking: frozenset[str] = frozenset()
    """Words that begin a question."""
    joining: frozenset[str] = frozenset()
    """Words that go on with another question."""
    alone: tuple[Phrase, ...] = ()
    refusals: tuple[Phrase, ...] = ()
    feelings: tuple[Phrase, ...] = ()
    signals: tuple[Phrase, ...] = ()
    substrings: tuple[tuple[str, str], ...] = ()
    """(kind, text) for scripts that put no space between words."""
    names: tuple[Phrase, ...] = ()
    """Products and the like: their capitals are no shouting."""


def read_words(language: str) -> Words:
    """The phrases of one of `WORDS`, from the data of this package."""
    source = files(__package__).joinpath("words", f"{language}.yaml").read_text("utf-8")
    # The base loader keeps every word a word: `no` and `on` are not truth values here.
    tree: dict[str, Any] = yaml.load(source, Loader=yaml.CBaseLoader)  # noqa: S506  (makes only strings)
    feelings = [
        parse(phrase, kind, int(weight))
        for kind, strengths in tree.get("feelings", {}).items()
        for weight, phrases in strengths.items()
        for phrase in phrases
    ]
    return Words(
        language=frozenset(" ".join(keys(text)) for text in tree.get("language", [])),
        negations=_single(tree, "negations"),
        emphasis=_single(tree, "emphasis"),
        oaths=tuple(sorted(_single(tree, "oaths"))),
        scorn=_single(tree, "scorn"),
        again=_single(tree, "again"),
        mended=_single(tree, "mended"),
        asking=_single(tree, "asking"),
        joining=_single(tree, "joining"),
        alone=tuple(parse(text, "asked_for_person") for text in tree.get("alone", [])),
        refusals=tuple(parse(text, "refusal") for text in tree.get("refusals", [])),
        feelings=tuple(feelings),
        signals=_signals(tree.get("signals", {})),
        substrings=tuple(
            (kind, text) for kind, texts in tree.get("substrings", {}).items() for text in texts
        ),
    )


def _single(tree: Mapping[str, Any], name: str) -> frozenset[str]:
    return frozenset(key for text in tree.get(name, []) for key in keys(text))


def _signals(tree: Mapping[str, Sequence[str]]) -> tuple[Phrase, ...]:
    return tuple(parse(phrase, kind) for kind, phrases in tree.items() for phrase in phrases)


def keys(text: str) -> tuple[str, ...]:
    return tuple(token.key for token in tokens(text))


def parse(text: str, kind: str, weight: int = 2) -> Phrase:
    """Read one phrase; raises ValueError when it has no word it could begin with."""
    elements: list[_Element] = []
    for inner, perhaps, bare in _ELEMENT.findall(text):
        optional = bool(perhaps) or (len(bare) > 1 and bare.endswith("?"))
        elements.append(_element(inner or bare.removesuffix("?"), optional=optional))
    if not elements or elements[0].anything or all(element.optional for element in elements):
        raise ValueError(f"`{text}` has no word it needs; add one")
    simple = not any(e.anything or e.optional or e.prefixes or e.several for e in elements)
    plain = tuple(element.exact for element in elements) if simple else None
    return Phrase(kind, weight, tuple(elements), plain)


def _element(text: str, *, optional: bool) -> _Element:
    exact, prefixes, several = set(), [], []
    anything = False
    for option in text.split("|"):
        words = keys(option)
        if option == "_":
            anything = True
        elif option.endswith("*") and len(words) == 1:
            prefixes.append(words[0])
        elif len(words) == 1:
            exact.add(words[0])
        elif words:
            several.append(words)
    return _Element(frozenset(exact), tuple(prefixes), tuple(several), anything, optional)
