"""What tells whether a passage answers a question, as numbers. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from operator import itemgetter
from typing import NamedTuple

from gateway import Passage, Value
from plugins.knowledge.answering.extracts import best_sentence
from plugins.knowledge.answering.words import (
    QuestionType,
    all_stems,
    asked_type,
    content_words,
    folded,
    gives,
    has_amount_of,
    has_words,
    is_negated,
    is_spaceless,
    is_told_by,
    matters_of,
    names,
    numbers,
    thing_counted,
)
from plugins.knowledge.retrieval import FoundPassage

COMPARED = 8
"""Passages whose words are compared: beyond these none is offered."""

READ_TEXTS = 2_048
"""Texts of sources that are kept as they were read: some MB, and most of the time of a question."""

FEATURES = (
    "score",
    "cosine",
    "sentence",
    "score_lead",
    "cosine_lead",
    "sentence_lead",
    "bm25",
    "bm25_lead",
    "shared_words",
    "shared_in_sentence",
    "shared_in_heading",
    "shared_alone",
    "missing_words",
    "missing_elsewhere",
    "missing_anywhere",
    "type_given",
    "type_missing",
    "amount_of_it",
    "amount_of_other",
    "numbers_shared",
    "numbers_missing",
    "names_missing",
    "negation_differs",
    "few_words",
    "many_words",
    "is_question",
    "is_table",
    "is_list",
    "matters",
    "matters_lead",
    "topics",
    "topics_lead",
    "matters_in_title",
    "matters_in_heading",
    "matters_in_answer",
    "heading_beside",
    "title_beside",
    "no_matter",
    "is_introduction",
    "has_number",
    "length",
)
"""The names of the numbers, in order."""


def read_ahead(passage: Passage) -> None:
    """Read what does not depend on a question, so that the first question need not wait for it.
    Of `READ_TEXTS` passages it is kept."""
    _facts(passage)


class PassageEvidence(Value, frozen=True, kw_only=True):
    """What speaks for and against one passage. ``values`` are those of `FEATURES`; ``missing`` are
    the stems of the question that the passage lacks, for people who ask why."""

    values: tuple[float, ...]
    missing: tuple[str, ...] = ()
    same_language: bool = True


class EvidenceReader:
    """What speaks for each of the passages ``found`` as the answer to one question, beside the
    others. ``language`` is that of the question (ISO 639-1), empty if unknown. What is read of the
    question is kept no longer than this object."""

    def __init__(self, question: str, found: Sequence[FoundPassage], *, language: str = "") -> None:
        self._found, self._language = found, language
        self._asked = _read_question(question, language)
        self._parts = [_part(each.passage) for each in found]
        self._lacking: dict[int, int] = {}
        self._compared: dict[int, tuple[float, ...]] = {}
        self._best = {name: self._ordered(value) for name, value in _COMPARED.items()}

    def of(self, at: int) -> PassageEvidence:
        """What speaks for ``found[at]``."""
        this, passage, words = self._found[at], self._found[at].passage, self._asked.words
        missing = self._lacks(at)
        shared = ((1 << len(words)) - 1) & ~missing
        nobody = self._others_lack(at)
        nowhere = (missing & nobody).bit_count()
        count = max(1, len(words))
        sentence = _sentence_cosine(this)
        values = {
            **dict(zip(_COMPARED_ALONE, self.compared(at), strict=True)),
            "score": this.score,
            "cosine": this.cosine,
            "sentence": sentence,
            "score_lead": this.score - self._best_other("score", at),
            "cosine_lead": this.cosine - self._best_other("cosine", at),
            "sentence_lead": sentence - self._best_other("sentence", at),
            "bm25": min(this.bm25 / count, 12.0) / 4.0,
            "bm25_lead": _share_ahead(this.bm25, self._best_other("bm25", at)),
            "shared_words": shared.bit_count() / count,
            "shared_alone": min((shared & nobody).bit_count(), 3) / 2.0,
            "missing_words": min(missing.bit_count(), 5) / 2.0,
            "missing_elsewhere": min(missing.bit_count() - nowhere, 3) / 2.0,
            "missing_anywhere": min(nowhere, 3) / 2.0,
            "matters": this.matters,
            "matters_lead": this.matters - self._best_other("matters", at),
            "topics": this.topics,
            "topics_lead": this.topics - self._best_other("topics", at),
        }
        if self._asked.is_spaceless:
            values |= dict.fromkeys(_OF_WORDS, 0.0)
        return PassageEvidence(
            values=_in_order(values),
            missing=tuple(word for number, word in enumerate(words) if missing >> number & 1),
            same_language=not self._language or passage.language == self._language,
        )

    def compared(self, at: int) -> tuple[float, ...]:
        """What ``found[at]`` has of the question, whatever else was found; see
        `FoundPassage.compared`."""
        if at not in self._compared:
            given = self._found[at].compared
            self._compared[at] = _compared(self._asked, self._found[at]) if given is None else given
        return self._compared[at]

    def _ordered(self, value: Callable[[FoundPassage], float]) -> list[tuple[float, int]]:
        """The `COMPARED` first passages, the best by ``value`` first: the values and the places."""
        compared = ((value(each), at) for at, each in enumerate(self._found[:COMPARED]))
        return sorted(compared, reverse=True)

    def _best_other(self, name: str, at: int) -> float:
        """The best value of a passage that is not the same part as ``found[at]``; 0 of none."""
        part, parts = self._parts[at], self._parts
        return next((value for value, place in self._best[name] if parts[place] != part), 0.0)

    def _others_lack(self, at: int) -> int:
        """The words that no passage has which is not the same part as ``found[at]``."""
        lacking = (1 << len(self._asked.words)) - 1
        for place, part in enumerate(self._parts[:COMPARED]):
            if part != self._parts[at]:
                lacking &= self._lacks(place)
        return lacking

    def _lacks(self, at: int) -> int:
        if at not in self._lacking:
            self._lacking[at] = _lacking(self._asked.words, _facts(self._found[at].passage).words)
        return self._lacking[at]


_OF_WORDS = tuple(
    name for name in FEATURES if name.startswith(("shared", "missing", "bm25", "names"))
)
"""What counts words, which some scripts do not part."""


_COMPARED_ALONE = (
    "shared_in_sentence",
    "shared_in_heading",
    "type_given",
    "type_missing",
    "amount_of_it",
    "amount_of_other",
    "numbers_shared",
    "numbers_missing",
    "names_missing",
    "negation_differs",
    "few_words",
    "many_words",
    "is_question",
    "is_table",
    "is_list",
    "matters_in_title",
    "matters_in_heading",
    "matters_in_answer",
    "heading_beside",
    "title_beside",
    "no_matter",
    "is_introduction",
    "has_number",
    "length",
)
"""Those of `FEATURES` that do not depend on the other passages."""
_in_order = itemgetter(*FEATURES)
_in_order_alone = itemgetter(*_COMPARED_ALONE)


class _Question(NamedTuple):
    """What is read of a question alone."""

    words: tuple[str, ...]
    matters: frozenset[str]
    kind: QuestionType
    thing: str
    numbers: frozenset[str]
    names: frozenset[str]
    is_negated: bool
    is_spaceless: bool
    is_asked: float


def _read_question(question: str, language: str) -> _Question:
    return _Question(
        words=content_words(question),
        matters=matters_of(question, language),
        kind=asked_type(question),
        thing=thing_counted(question),
        numbers=numbers(question),
        # German nouns all look like names.
        names=names(question) if language != "de" else frozenset(),
        is_negated=is_negated(question),
        is_spaceless=is_spaceless(question),
        is_asked=float("?" in question or "؟" in question),
    )


def _compared(asked: _Question, found: FoundPassage) -> tuple[float, ...]:
    """The values of `_COMPARED_ALONE`."""
    passage, facts = found.passage, _facts(found.passage)
    said, count = _answer(found), max(1, len(asked.words))
    told = is_told_by(asked.kind)
    given = told and _gives(asked.kind, said)
    amount = has_amount_of(asked.thing, said) if asked.thing else None
    about = max(1, len(asked.matters))
    in_answer = matters_of(said, passage.language)
    in_sentence = _lacking(asked.words, _read(f"{facts.heading} {said}"))
    in_heading = _lacking(asked.words, facts.heading_words)
    values = {
        "shared_in_sentence": 1 - in_sentence.bit_count() / count,
        "shared_in_heading": 1 - in_heading.bit_count() / count,
        "type_given": float(given),
        "type_missing": float(told and not given),
        "amount_of_it": float(amount is True),
        "amount_of_other": float(amount is False),
        "numbers_shared": float(bool(asked.numbers & facts.numbers)),
        "numbers_missing": float(bool(asked.numbers - facts.numbers)),
        "names_missing": float(any(name not in facts.words.plain for name in asked.names)),
        "negation_differs": float(asked.is_negated != _negated(said)),
        "few_words": float(len(asked.words) < 2),
        "many_words": min(max(0, len(asked.words) - 6), 12) / 6.0,
        "is_question": asked.is_asked,
        "is_table": float(passage.kind == "table"),
        "is_list": float(passage.kind in ("list", "steps")),
        "matters_in_title": len(asked.matters & facts.in_title) / about,
        "matters_in_heading": len(asked.matters & facts.in_heading) / about,
        "matters_in_answer": len(asked.matters & in_answer) / about,
        "heading_beside": min(len(facts.in_heading - asked.matters), 4) / 2.0,
        "title_beside": min(len(facts.in_title - asked.matters), 4) / 2.0,
        "no_matter": float(not asked.matters),
        "is_introduction": float(not passage.headings and not passage.question),
        "has_number": facts.has_number,
        "length": min(len(passage.text), 800) / 800,
    }
    ordered: tuple[float, ...] = _in_order_alone(values)
    return ordered


def _part(passage: Passage) -> tuple[int, tuple[str, ...]]:
    """The same for passages that are the same part of one document, so that neither contradicts the
    other."""
    return passage.document, passage.headings


def _sentence_cosine(found: FoundPassage) -> float:
    return found.sentences[0][2] if found.sentences else found.cosine


_COMPARED: dict[str, Callable[[FoundPassage], float]] = {
    "score": lambda found: found.score,
    "cosine": lambda found: found.cosine,
    "sentence": _sentence_cosine,
    "bm25": lambda found: found.bm25,
    "matters": lambda found: found.matters,
    "topics": lambda found: found.topics,
}
"""What a passage has more or less of than the best other one."""


def _share_ahead(this: float, other: float) -> float:
    return (this - other) / (this + other) if this + other > 0 else 0.0


class _Words(NamedTuple):
    """A text of a source, folded, and its stems."""

    plain: str
    stems: frozenset[str]


class _Facts(NamedTuple):
    """What is read of a passage alone: the heading above it, words and numbers of all of it, and
    the matters of title and headings."""

    heading: str
    heading_words: _Words
    words: _Words
    numbers: frozenset[str]
    has_number: float
    in_title: frozenset[str]
    in_heading: frozenset[str]


@lru_cache(READ_TEXTS)
def _facts(passage: Passage) -> _Facts:
    whole = _all(passage)
    heading = passage.question or (passage.headings[-1] if passage.headings else passage.title)
    return _Facts(
        heading=heading,
        heading_words=_words(heading),
        words=_words(whole),
        numbers=numbers(whole),
        has_number=float(bool(numbers(passage.text))),
        in_title=matters_of(passage.title, passage.language),
        in_heading=matters_of(_headings(passage), passage.language),
    )


def _title(passage: Passage) -> str:
    return " ".join((passage.title, *passage.headings, passage.question))


def _headings(passage: Passage) -> str:
    return ". ".join((*passage.headings, passage.question))


def _all(passage: Passage) -> str:
    return f"{_title(passage)}\n{passage.text}"


def _answer(found: FoundPassage) -> str:
    """The sentence that answers and those beside it; all of what is said whole."""
    text = found.passage.text
    if found.passage.kind != "text":
        return text
    start, end = best_sentence(found)
    return text[max(0, start - 120) : end + 200]


def _lacking(asked: Sequence[str], words: _Words) -> int:
    """Which of the stems ``asked`` a text lacks: a bit for each, the lowest for the first."""
    found = 0
    for number, word in enumerate(asked):
        if not has_words(word, words.stems, words.plain):
            found |= 1 << number
    return found


def _words(text: str) -> _Words:
    plain = folded(text)
    return _Words(plain, all_stems(plain))


_read = lru_cache(READ_TEXTS)(_words)
"""Each sentence is compared with several questions."""


@lru_cache(READ_TEXTS)
def _gives(kind: QuestionType, text: str) -> bool:
    return gives(kind, text)


@lru_cache(READ_TEXTS)
def _negated(text: str) -> bool:
    return is_negated(text)
