"""What tells whether a passage answers a question, as numbers. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from gateway import Passage, Value
from plugins.knowledge.answering.extracts import best_sentence
from plugins.knowledge.answering.words import (
    all_stems,
    amount_of,
    asked_type,
    content_words,
    folded,
    gives,
    has_words,
    is_negated,
    is_spaceless,
    is_told_by,
    names,
    numbers,
)
from plugins.knowledge.retrieval import FoundPassage

COMPARED = 8
"""Passages whose words are compared: beyond these none is offered."""

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
)
"""The names of the numbers, in order."""


class Evidence(Value, frozen=True, kw_only=True):
    """What speaks for and against one passage. ``values`` are those of `FEATURES`; ``missing`` are
    the stems of the question that the passage lacks, for people who ask why."""

    values: tuple[float, ...]
    missing: tuple[str, ...] = ()
    same_language: bool = True


def evidence(
    question: str, found: Sequence[FoundPassage], at: int, *, language: str = ""
) -> Evidence:
    """What speaks for ``found[at]`` as the answer to ``question``, beside the other passages found.
    ``language`` is that of the question (ISO 639-1), empty if unknown."""
    this, passage = found[at], found[at].passage
    others = [other for other in found[:COMPARED] if not _is_near(other.passage, passage)]
    asked = content_words(question)
    spaceless = is_spaceless(question)
    missing = _missing(asked, _all(passage))
    shared = [word for word in asked if word not in missing]
    lacking = [set(_missing(asked, _all(other.passage))) for other in others]
    alone = sum(all(word in lacks for lacks in lacking) for word in shared)
    nowhere = sum(all(word in lacks for lacks in lacking) for word in missing)
    kind, said, count = asked_type(question), _answer(this), max(1, len(asked))
    told = is_told_by(kind)
    heading = passage.question or (passage.headings[-1] if passage.headings else passage.title)
    amount = amount_of(question, said)
    asked_numbers, has = numbers(question), numbers(_all(passage))
    values = {
        "score": this.score,
        "cosine": this.cosine,
        "sentence": _sentence_cosine(this),
        "score_lead": this.score - max((other.score for other in others), default=0.0),
        "cosine_lead": this.cosine - max((other.cosine for other in others), default=0.0),
        "sentence_lead": _sentence_cosine(this) - max(map(_sentence_cosine, others), default=0.0),
        "bm25": min(this.bm25 / count, 12.0) / 4.0,
        "bm25_lead": _bm25_lead(this, others),
        "shared_words": len(shared) / count,
        "shared_in_sentence": 1 - len(_missing(asked, f"{heading} {said}")) / count,
        "shared_in_heading": 1 - len(_missing(asked, heading)) / count,
        "shared_alone": min(alone, 3) / 2.0,
        "missing_words": min(len(missing), 5) / 2.0,
        "missing_elsewhere": min(len(missing) - nowhere, 3) / 2.0,
        "missing_anywhere": min(nowhere, 3) / 2.0,
        "type_given": float(told and gives(kind, said)),
        "type_missing": float(told and not gives(kind, said)),
        "amount_of_it": float(amount is True),
        "amount_of_other": float(amount is False),
        "numbers_shared": float(bool(asked_numbers & has)),
        "numbers_missing": float(bool(asked_numbers - has)),
        "names_missing": float(_lacks_names(question, passage, language)),
        "negation_differs": float(is_negated(question) != is_negated(said)),
        "few_words": float(len(asked) < 2),
        "many_words": min(max(0, len(asked) - 6), 12) / 6.0,
        "is_question": float("?" in question or "؟" in question),
        "is_table": float(passage.kind == "table"),
        "is_list": float(passage.kind in ("list", "steps")),
    }
    if spaceless:
        values |= dict.fromkeys(_OF_WORDS, 0.0)
    return Evidence(
        values=tuple(values[name] for name in FEATURES),
        missing=missing,
        same_language=not language or passage.language == language,
    )


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
    plain = folded(text)
    stems = all_stems(plain)
    return tuple(word for word in words if not has_words(word, stems, plain))


def _lacks_names(question: str, passage: Passage, language: str) -> bool:
    """Whether the question has a name that the passage lacks. German nouns all look like names."""
    if language == "de":
        return False
    plain = folded(_all(passage))
    return any(name not in plain for name in names(question))
