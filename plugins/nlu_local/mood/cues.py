"""Cues that carry a meaning of their own: the style of writing, and the signals for routing.

Style cues are shouting, repeated marks, elongated and repeated words, in any language. Signals are
phrases that routing knows by kind: asked for a person, harm, legal words, the answer did not help.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from gateway import Cue

from ..phrases import CUSTOM_WEIGHT, FoundPhrase, LanguagePhrases, PhraseFinder
from ..text import MAX_CHARACTERS, WordToken, blank_quotations, tokenize

STYLE_STRENGTHS = {
    "shouting": 0.35,
    "exclaiming": 0.3,
    "questioning": 0.2,
    "elongation": 0.2,
    "repetition": 0.25,
}
"""How much each kind of style cue adds to the intensity of a feeling."""

MIN_CAPITALS = 3
"""Capitals in a run of shouted words, at least."""

ASKED_FOR_PERSON = "asked_for_person"
SIGNAL_KINDS = (ASKED_FOR_PERSON, "harm", "legal", "not_helped")

_MARKS = re.compile(r"(?:[!?¡¿！？؟]\s?){2,}|[!！]")
_ELONGATED = re.compile(r"([^\W\d_])\1\1")
_LETTERS = re.compile(r"[^\W\d_]+")
_CAPITALS = re.compile("[A-Z]")
_NOT_ELONGATED = re.compile(r"www|[ivxlcm]+", re.IGNORECASE)
_ASKED = re.compile(r"\s?[?？؟]")
_ASKED_TWICE = re.compile(r"\s?(?:[?？؟]\s?[?？؟!！]|[!！]\s?[?？؟])")
_DIGIT = re.compile(r"\d")


def make_cue(text: str, kind: str, start: int, end: int) -> Cue:
    return Cue(kind=kind, text=text[start:end], start=start, end=end)


# -- the style of writing ------------------------------------------------------------------------


def style_cues(text: str, words: Sequence[WordToken], common: frozenset[str]) -> list[Cue]:
    """The style cues of ``text``; ``words`` are its tokens, ``common`` keys that are not names."""
    return [
        *_shouting(text, words, common),
        *_marks(text),
        *_elongation(text),
        *_repetition(text, words, common),
    ]


def style_force(cues: Sequence[Cue]) -> float:
    """The joint strength of style cues, 0..1. Of one kind the first two count, the second half."""
    calm = 1.0
    counts: dict[str, int] = {}
    for cue in cues:
        earlier = counts.get(cue.kind, 0)
        counts[cue.kind] = earlier + 1
        strength = STYLE_STRENGTHS[cue.kind] / (1 + earlier) if earlier < 2 else 0.0
        if cue.kind == "exclaiming" and len(cue.text.strip()) < 3:
            strength /= 2 if len(cue.text.strip()) == 2 else 6
        calm *= 1 - strength
    return 1 - calm


def _shouting(text: str, words: Sequence[WordToken], common: frozenset[str]) -> Iterator[Cue]:
    """Runs of words in capitals with a common word in them (not DHL, USB-C or a brand alone)."""
    if text.isascii() and len(_CAPITALS.findall(text)) < MIN_CAPITALS:
        return
    run: list[WordToken] = []
    for word in [*words, None]:
        if word is not None and _in_capitals(text[word.start : word.end]):
            run.append(word)
            continue
        size = sum(w.end - w.start for w in run)
        has_common = any(w.key in common and len(w.key) > 1 for w in run)
        if run and size >= MIN_CAPITALS and (has_common or (len(run) >= 4 and size >= 16)):
            yield make_cue(text, "shouting", run[0].start, run[-1].end)
        run = []


def _in_capitals(word: str) -> bool:
    return word.isupper() and not _DIGIT.search(word)


def _marks(text: str) -> Iterator[Cue]:
    for match in _MARKS.finditer(text, 0, MAX_CHARACTERS):
        marks = match.group().rstrip()
        # A Spanish question or exclamation also opens with a mark: such a pair counts once.
        closing = [mark for mark in marks if mark not in "¡¿ "]
        question_marks = sum(mark in "?？؟" for mark in closing)
        if question_marks >= 2 or (question_marks and len(closing) > question_marks):
            yield make_cue(text, "questioning", match.start(), match.start() + len(marks))
        elif closing and not question_marks:
            yield make_cue(text, "exclaiming", match.start(), match.start() + len(marks))


def _elongation(text: str) -> Iterator[Cue]:
    if not _ELONGATED.search(text, 0, MAX_CHARACTERS):
        return
    for match in _LETTERS.finditer(text, 0, MAX_CHARACTERS):
        word = match.group()
        if _ELONGATED.search(word) and not _NOT_ELONGATED.fullmatch(word):
            yield make_cue(text, "elongation", *match.span())


def _repetition(text: str, words: Sequence[WordToken], common: frozenset[str]) -> Iterator[Cue]:
    """A word three times in a row, or a common word twice."""
    first = 0
    for at in range(1, len(words) + 1):
        key = words[first].key
        if at < len(words) and words[at].key == key:
            continue
        times = at - first
        if times >= 3 or (times == 2 and key in common and len(key) > 1):
            yield make_cue(text, "repetition", words[first].start, words[at - 1].end)
        first = at


# -- pleas: calls that nobody answers, and begging ------------------------------------------------


class PleaFinder:
    """Finds impatient calls (`anybody????`) and begging (`please please please`), which are
    feelings for their marks and for being repeated. It looks in every language that has phrases.
    """

    def __init__(self, phrases: Mapping[str, LanguagePhrases]) -> None:
        languages = phrases.values()
        self._pleas = PhraseFinder(plea for language in languages for plea in language.pleas)
        self._substrings = tuple(
            substring
            for language in languages
            for kind, substring in language.substrings
            if kind == "call"
        )

    def find(self, text: str, words: Sequence[WordToken]) -> Iterator[Cue]:
        """At most one cue of the kind `frustrated`, and one of the kind `anxious`."""
        asked = sum(map(text.count, "?？؟")) > 1
        begs = len({word.key for word in words}) <= len(words) - 2
        if not (asked or begs):
            return
        found = self._pleas.find(words)
        if asked and (call := self._unanswered_call(text, words, found)):
            yield make_cue(text, "frustrated", *call)
        if begs and (plea := _repeated_plea(words, found)):
            yield make_cue(text, "anxious", *plea)

    def _unanswered_call(
        self, text: str, words: Sequence[WordToken], found: Sequence[FoundPhrase]
    ) -> tuple[int, int] | None:
        """Where a call has several question marks, or the first of several calls with one."""
        calls = [
            (words[call.first].start, words[call.last - 1].end)
            for call in found
            if call.kind == "call"
        ]
        calls += [
            (at, at + len(substring))
            for substring in (() if text.isascii() else self._substrings)
            if (at := text.find(substring, 0, MAX_CHARACTERS)) >= 0
        ]
        asked = [call for call in calls if _ASKED.match(text, call[1])]
        impatient = [call for call in asked if _ASKED_TWICE.match(text, call[1])]
        return next(iter(impatient or (asked if len(asked) > 1 else ())), None)


def _repeated_plea(
    words: Sequence[WordToken], found: Sequence[FoundPhrase]
) -> tuple[int, int] | None:
    """Where one plea follows another twice."""
    pleas = [match for match in found if match.kind == "plea"]
    for first, second, third in zip(pleas, pleas[1:], pleas[2:], strict=False):
        if first.last == second.first and second.last == third.first:
            return words[first.first].start, words[third.last - 1].end
    return None


# -- signals -------------------------------------------------------------------------------------


class FoundSignal(NamedTuple):
    """A signal. ``custom``: a phrase of the brand's guide shows it."""

    cue: Cue
    custom: bool


class SignalFinder:
    """Finds signals. It looks for a request for a person in every language that has phrases."""

    def __init__(self, phrases: Mapping[str, LanguagePhrases]) -> None:
        languages = phrases.values()
        signals = [phrase for language in languages for phrase in language.signals]
        self._person = PhraseFinder(p for p in signals if p.kind == ASKED_FOR_PERSON)
        self._person_alone = PhraseFinder(
            p for language in languages for p in language.person_alone
        )
        self._refusals = PhraseFinder(p for language in languages for p in language.refusals)
        self._others = {
            code: PhraseFinder(p for p in language.signals if p.kind != ASKED_FOR_PERSON)
            for code, language in phrases.items()
        }
        self._courtesy = frozenset(
            word for language in languages for text in language.greetings for word in text.split()
        )
        self._substrings = tuple(
            (kind, substring)
            for language in languages
            for kind, substring in language.substrings
            if kind in SIGNAL_KINDS and not substring.isascii()
        )

    def find(
        self, text: str, words: Sequence[WordToken], languages: Iterable[str]
    ) -> tuple[FoundSignal, ...]:
        """The signals of ``text`` in order; ``languages`` are those it may be in.

        Legal words and complaints about an answer do not count in a quotation. Harm does, and so
        does a request for a person (`where is the "talk to a human" button`): better safe.
        """
        unquoted = blank_quotations(text)
        own_words = words if unquoted == text else tokenize(unquoted)
        matches = self._person_requests(words)
        own: list[FoundPhrase] = []
        for code in languages:
            if finder := self._others.get(code):
                own += finder.find(own_words)
                if own_words is not words:
                    matches += [match for match in finder.find(words) if match.kind == "harm"]
        found = [*_match_signals(text, words, matches), *_match_signals(text, own_words, own)]
        # For scripts without spaces between words; ASCII has none of them.
        for kind, substring in () if text.isascii() else self._substrings:
            at = text.find(substring, 0, MAX_CHARACTERS)
            if at >= 0:
                cue = make_cue(text, kind, at, at + len(substring))
                found.append(FoundSignal(cue, custom=False))
        # Of one cue that several phrases show, the custom one is kept.
        by_cue = {signal.cue: signal for signal in sorted(found, key=lambda found: found.custom)}
        return tuple(sorted(by_cue.values(), key=lambda found: (found.cue.start, found.cue.end)))

    def _person_requests(self, words: Sequence[WordToken]) -> list[FoundPhrase]:
        """Requests for a person, without refused ones (`I don't need to talk to a human`)."""
        matches = self._person.find(words)
        if not matches and len(words) <= 4:
            matches = self._single_request(words)
        if not matches:
            return []
        refusals = self._refusals.find(words)
        return [m for m in matches if not any(r.first < m.first <= r.last for r in refusals)]

    def _single_request(self, words: Sequence[WordToken]) -> list[FoundPhrase]:
        """A message that is nothing but `agent`, `a human, please` or the like."""
        matches = self._person_alone.find(words)
        within = {at for match in matches for at in range(match.first, match.last)}
        rest = [word.key for at, word in enumerate(words) if at not in within]
        return matches if all(key in self._courtesy or len(key) <= 2 for key in rest) else []


def _match_signals(
    text: str, words: Sequence[WordToken], matches: Iterable[FoundPhrase]
) -> list[FoundSignal]:
    return [
        FoundSignal(
            make_cue(text, match.kind, words[match.first].start, words[match.last - 1].end),
            match.weight == CUSTOM_WEIGHT,
        )
        for match in matches
    ]
