"""The sentences of a passage, which are compared one by one, and those of a long question."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

from gateway import PassageKind

MOST_SENTENCES = 48
"""Of one passage; a longer one is cut into so many parts. Each costs 2 ms and a kilobyte."""
SHORTEST = 3
"""Letters and digits that a sentence has."""
KEPT_TEXTS = 2_048
"""Texts of passages whose sentences are kept: those found come again and again."""
MOST_QUESTION_SENTENCES = 40
"""A longer message is read to here."""
_END = re.compile(r"(?<=[.!?…])[\"'”’»)\]]*\s+(?=[\w\"'“„«¿¡(€$£])|(?<=[。！？])|\n+")
_ABBREVIATION = re.compile(
    r"(?:\b(?:\w|approx|bzw|ca|dr|etc|evtl|ggf|inkl|max|min|mr|mrs|nr|no|str|tel|usw|vgl|vs|zzgl|art)"
    r"|\d)\.$",
    re.IGNORECASE,
)
_MARK = re.compile(r"\s{0,9}(?:[-•*]|\d{1,3}[.)])\s{1,9}")


class SentenceSpan(NamedTuple):
    """``text[start:end]``."""

    start: int
    end: int


@lru_cache(KEPT_TEXTS)
def sentences_of(text: str, kind: PassageKind = "text") -> tuple[SentenceSpan, ...]:
    """The sentences of a passage's text, in order. A row of a table and an item of a list are one
    each, without the mark in front."""
    whole_lines = kind == "table"
    found = [
        span
        for line in _lines(text)
        for span in ([line] if whole_lines else _sentences(text, line))
        if sum(map(str.isalnum, text[span.start : span.end])) >= SHORTEST
    ]
    return _joined(found, MOST_SENTENCES)


def question_parts(text: str) -> list[str]:
    """The sentences of a customer's message."""
    found = [
        text[span.start : span.end] for line in _lines(text) for span in _sentences(text, line)
    ]
    return [part for part in found if sum(map(str.isalnum, part)) >= SHORTEST][
        :MOST_QUESTION_SENTENCES
    ]


def _lines(text: str) -> list[SentenceSpan]:
    spans = []
    for match in re.finditer(r"[^\n]+", text):
        mark = _MARK.match(text, match.start(), match.end())
        start, end = mark.end() if mark else match.start(), match.end()
        start += len(text[start:end]) - len(text[start:end].lstrip())
        end = start + len(text[start:end].rstrip())
        if start < end:
            spans.append(SentenceSpan(start, end))
    return spans


def _sentences(text: str, line: SentenceSpan) -> list[SentenceSpan]:
    found, start = [], line.start
    for match in _END.finditer(text, line.start, line.end):
        if match.end() <= start or _ABBREVIATION.search(text, start, match.start()):
            continue
        end = match.end() - len(match[0]) + len(match[0].rstrip())
        found.append(SentenceSpan(start, end))
        start = match.end()
    if start < line.end:
        found.append(SentenceSpan(start, line.end))
    return found


def _joined(spans: Sequence[SentenceSpan], most: int) -> tuple[SentenceSpan, ...]:
    """At most ``most`` spans: neighbours are joined."""
    size = -(-len(spans) // most) or 1
    groups = [spans[at : at + size] for at in range(0, len(spans), size)]
    return tuple(SentenceSpan(group[0].start, group[-1].end) for group in groups)
