"""Whether a part of a sentence denies what it says, and into which parts a sentence falls."""

from __future__ import annotations

import re
from functools import cache
from typing import NamedTuple

from gateway.settings import packaged_yaml
from gateway.support.grounding.concepts import LANGUAGES, concepts_in
from gateway.support.statements.text import read_text

_BREAK = re.compile(r"(?<!\d)\.(?=\s|$)|[!?;:()–—](?=\s|$)|,\s|\n|\s\|\s|\s[(–—]")
_JOINED = re.compile(
    r"\s(?=(?:and|but|however|und|aber|jedoch|sondern|et|mais|y|e|pero|sino|or|oder|ou|o)\s)"
)
LEAST_WORDS = 3
"""Words of a clause: shorter pieces are parts of a list, and stay with what is before them."""
_WORD = re.compile(r"\w+")
_SENTENCE_END = re.compile(r"[.!?…][\"'»”)]?\s+(?=[^a-zà-öø-ÿß\s])|\n+")
_NO_END = re.compile(
    r"(?:^|[\s(])(?:z|B|e\. ?g|i\. ?e|p\. ?ej|ca|no|nr|st|str|mr|mrs|ms|dr|inkl|zzgl|abzgl|max|min"
    r"|approx|vs|sra?)$|(?:^|\n)[\s-]{0,9}\d{1,2}$",
    re.IGNORECASE,
)
"""What stands before a point that ends no sentence: abbreviations, and the number of a step."""
_MONTH = re.compile(
    r"(?:januar|februar|märz|april|mai|juni|juli|august|september|oktober|november|dezember|uhr)\b",
    re.IGNORECASE,
)
"""Behind a number and a point, it continues a German date."""


class _Denials(NamedTuple):
    negations: re.Pattern[str]
    neutral: re.Pattern[str]
    denials: re.Pattern[str]


@cache
def _denials(language: str) -> _Denials:
    words = packaged_yaml(__package__, "polarity.yaml")[language]
    return _Denials(*(
        re.compile(rf"(?<![a-z\d])(?:{words[name]})(?![a-z\d])") for name in _Denials._fields
    ))  # fmt: skip


def sentence_spans(text: str) -> tuple[tuple[int, int], ...]:
    """Where the sentences of ``text`` begin and end; a line is at least one."""
    spans, start = [], 0
    for match in _SENTENCE_END.finditer(text):
        point = text[match.start()] == "."
        goes_on = point and (
            _NO_END.search(text[max(0, match.start() - 12) : match.start()])
            or (text[match.start() - 1].isdigit() and _MONTH.match(text, match.end()))
        )
        if not goes_on:
            end = match.start() + len(match[0].rstrip())
            spans.append((start, end))
            start = match.end()
    spans.append((start, len(text)))
    return tuple(span for span in spans if text[span[0] : span[1]].strip())


def clauses(sentence: str) -> tuple[str, ...]:
    """The parts of ``sentence`` that each say something, in order."""
    pieces = [part for part in _BREAK.split(sentence) if part and part.strip()]
    found: list[str] = []
    for piece in pieces:
        parts = _JOINED.split(piece)
        merged: list[str] = []
        for part in parts:
            if merged and (
                len(_WORD.findall(part)) <= LEAST_WORDS
                or len(_WORD.findall(merged[-1])) < LEAST_WORDS
            ):
                merged[-1] = f"{merged[-1]} {part}"
            else:
                merged.append(part)
        found += merged
    joined: list[str] = []
    for part in found:
        if joined and len(_WORD.findall(part)) < LEAST_WORDS:
            joined[-1] = f"{joined[-1]}, {part}"
        else:
            joined.append(part)
    return tuple(part.strip() for part in joined)


def denies(clause: str, language: str) -> bool:
    """Whether ``clause``, in one of `LANGUAGES`, denies what it says. Two words that deny the same
    thing count once (``ni ... ni``); a negation of a denial affirms (``not excluded``)."""
    if language not in LANGUAGES:
        return denies(clause, "en")
    known = _denials(language)
    folded = read_text(clause).folded
    for concept in concepts_in(clause, language):
        if concept.name in ("unused", "unopened", "free", "invalid"):
            blank = " " * (concept.end - concept.start)
            folded = folded[: concept.start] + blank + folded[concept.end :]
    folded = known.neutral.sub(" ", folded)
    negated = known.negations.search(folded) is not None
    denied = known.denials.search(folded) is not None
    return negated != denied


def count_denials(text: str, language: str) -> int:
    """How many words of ``text`` deny something."""
    if language not in LANGUAGES:
        return 0
    known = _denials(language)
    folded = known.neutral.sub(" ", read_text(text).folded)
    return len(known.negations.findall(folded)) + len(known.denials.findall(folded))


def denial_spans(text: str, language: str) -> list[tuple[int, int]]:
    """Where the words of ``text`` stand whose meaning is a denial: ``excluded``."""
    if language not in LANGUAGES:
        return []
    found = _denials(language).denials.finditer(read_text(text).folded)
    return [match.span() for match in found]
