"""What tells whether a passage answers a question, as numbers. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

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
        self._asked = content_words(question)
        self._matters = matters_of(question, language)
        self._kind = asked_type(question)
        self._thing = thing_counted(question)
        self._numbers, self._names = numbers(question), names(question)
        self._negated, self._spaceless = is_negated(question), is_spaceless(question)
        self._asks = float("?" in question or "؟" in question)
        self._lacking: dict[int, tuple[str, ...]] = {}

    def of(self, at: int) -> PassageEvidence:
        """What speaks for ``found[at]``."""
        this, passage = self._found[at], self._found[at].passage
        near = [_is_near(other.passage, passage) for other in self._found[:COMPARED]]
        places = [place for place, same in enumerate(near) if not same]
        others = [self._found[place] for place in places]
        asked, missing = self._asked, self._missing(at)
        lacking = [set(self._missing(place)) for place in places]
        shared = [word for word in asked if word not in missing]
        alone = sum(all(word in lacks for lacks in lacking) for word in shared)
        nowhere = sum(all(word in lacks for lacks in lacking) for word in missing)
        said, count = _answer(this), max(1, len(asked))
        told = is_told_by(self._kind)
        given = told and _gives(self._kind, said)
        heading = passage.question or (passage.headings[-1] if passage.headings else passage.title)
        amount = has_amount_of(self._thing, said) if self._thing else None
        about = max(1, len(self._matters))
        in_title = matters_of(passage.title, passage.language)
        in_heading = matters_of(_headings(passage), passage.language)
        in_answer = matters_of(said, passage.language)
        has = _numbers(_all(passage))
        values = {
            "score": this.score,
            "cosine": this.cosine,
            "sentence": _sentence_cosine(this),
            "score_lead": this.score - max((other.score for other in others), default=0.0),
            "cosine_lead": this.cosine - max((other.cosine for other in others), default=0.0),
            "sentence_lead": _sentence_cosine(this)
            - max(map(_sentence_cosine, others), default=0.0),
            "bm25": min(this.bm25 / count, 12.0) / 4.0,
            "bm25_lead": _bm25_lead(this, others),
            "shared_words": len(shared) / count,
            "shared_in_sentence": 1 - len(_missing(asked, f"{heading} {said}")) / count,
            "shared_in_heading": 1 - len(_missing(asked, heading)) / count,
            "shared_alone": min(alone, 3) / 2.0,
            "missing_words": min(len(missing), 5) / 2.0,
            "missing_elsewhere": min(len(missing) - nowhere, 3) / 2.0,
            "missing_anywhere": min(nowhere, 3) / 2.0,
            "type_given": float(given),
            "type_missing": float(told and not given),
            "amount_of_it": float(amount is True),
            "amount_of_other": float(amount is False),
            "numbers_shared": float(bool(self._numbers & has)),
            "numbers_missing": float(bool(self._numbers - has)),
            "names_missing": float(self._lacks_names(passage)),
            "negation_differs": float(self._negated != _negated(said)),
            "few_words": float(len(asked) < 2),
            "many_words": min(max(0, len(asked) - 6), 12) / 6.0,
            "is_question": self._asks,
            "is_table": float(passage.kind == "table"),
            "is_list": float(passage.kind in ("list", "steps")),
            "matters": this.matters,
            "matters_lead": this.matters - max((other.matters for other in others), default=0.0),
            "topics": this.topics,
            "topics_lead": this.topics - max((other.topics for other in others), default=0.0),
            "matters_in_title": len(self._matters & in_title) / about,
            "matters_in_heading": len(self._matters & in_heading) / about,
            "matters_in_answer": len(self._matters & in_answer) / about,
            "heading_beside": min(len(in_heading - self._matters), 4) / 2.0,
            "title_beside": min(len(in_title - self._matters), 4) / 2.0,
            "no_matter": float(not self._matters),
            "is_introduction": float(not passage.headings and not passage.question),
            "has_number": float(bool(_numbers(passage.text))),
            "length": min(len(passage.text), 800) / 800,
        }
        if self._spaceless:
            values |= dict.fromkeys(_OF_WORDS, 0.0)
        return PassageEvidence(
            values=tuple(values[name] for name in FEATURES),
            missing=missing,
            same_language=not self._language or passage.language == self._language,
        )

    def _missing(self, at: int) -> tuple[str, ...]:
        if at not in self._lacking:
            self._lacking[at] = _missing(self._asked, _all(self._found[at].passage))
        return self._lacking[at]

    def _lacks_names(self, passage: Passage) -> bool:
        """Whether the question has a name that the passage lacks. German nouns all look like
        names."""
        if self._language == "de":
            return False
        plain, _ = _read(_all(passage))
        return any(name not in plain for name in self._names)


_OF_WORDS = tuple(
    name for name in FEATURES if name.startswith(("shared", "missing", "bm25", "names"))
)
"""What counts words, which some scripts do not part."""


def _is_near(one: Passage, other: Passage) -> bool:
    """Whether both are the same part of one document, so that neither contradicts the other."""
    return one.id == other.id or (one.document == other.document and one.headings == other.headings)


def _sentence_cosine(found: FoundPassage) -> float:
    return found.sentences[0][2] if found.sentences else found.cosine


def _bm25_lead(this: FoundPassage, others: Sequence[FoundPassage]) -> float:
    best = max((other.bm25 for other in others), default=0.0)
    return (this.bm25 - best) / (this.bm25 + best) if this.bm25 + best > 0 else 0.0


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


def _missing(words: Sequence[str], text: str) -> tuple[str, ...]:
    plain, stems = _read(text)
    return tuple(word for word in words if not has_words(word, stems, plain))


@lru_cache(READ_TEXTS)
def _read(text: str) -> tuple[str, frozenset[str]]:
    """``text`` of a source, folded, and its stems. Each is compared with several others."""
    plain = folded(text)
    return plain, all_stems(plain)


@lru_cache(READ_TEXTS)
def _numbers(text: str) -> frozenset[str]:
    return numbers(text)


@lru_cache(READ_TEXTS)
def _gives(kind: QuestionType, text: str) -> bool:
    return gives(kind, text)


@lru_cache(READ_TEXTS)
def _negated(text: str) -> bool:
    return is_negated(text)
