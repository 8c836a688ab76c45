"""Which sentences of a source an answer says, to show them to whoever checks it. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from gateway.support.grounding.polarity import sentence_spans
from gateway.support.statements.text import read_text

LONGEST = 20_000
"""Characters of a passage and of an answer that are compared."""
LEAST_WORDS = 4
SHARED = 0.5
"""Of the words of the shorter of two sentences, the least share that the other has too, where one
says the same in other words. Ours: half of them is a matter, less is chance."""


def cited_spans(text: str, said: str) -> tuple[tuple[int, int], ...]:
    """Where the sentences of the passage ``text`` stand that ``said`` repeats word for word; where
    it repeats none, those that share most words with its sentences. In order, and apart: sentences
    side by side are one span."""
    text, said = text[:LONGEST], said[:LONGEST]
    spans = [_bare(text, *span) for span in sentence_spans(text)]
    spoken = " ".join(said.split())
    found = [(start, end) for start, end in spans if " ".join(text[start:end].split()) in spoken]
    if not found:
        found = sorted(set(_nearest(text, spans, said)))
    return _joined(text, found)


def split_cited(text: str, said: str) -> tuple[tuple[str, bool], ...]:
    """The whole of ``text`` in parts, each with whether ``said`` rests on it (see
    `cited_spans`)."""
    parts, at = [], 0
    for start, end in cited_spans(text, said):
        parts += [(text[at:start], False), (text[start:end], True)]
        at = end
    return tuple(part for part in (*parts, (text[at:], False)) if part[0])


def _nearest(text: str, spans: Sequence[tuple[int, int]], said: str) -> Sequence[tuple[int, int]]:
    """For each sentence of ``said`` the one of the passage that has most of its words."""
    words = {span: read_text(text[slice(*span)]).words for span in spans}
    found = []
    for start, end in sentence_spans(said):
        own = read_text(said[start:end]).words
        if len(own) >= LEAST_WORDS and spans:
            best = max(spans, key=lambda span: len(words[span] & own))
            shorter = max(LEAST_WORDS, min(len(own), len(words[best])))
            if len(words[best] & own) >= SHARED * shorter:
                found.append(best)
    return found


def _bare(text: str, start: int, end: int) -> tuple[int, int]:
    """The span without the mark of a list's item before it and the white space around it."""
    sentence = text[start:end]
    inner = sentence.strip().removeprefix("- ").strip()
    begin = start + sentence.index(inner)
    return begin, begin + len(inner)


def _joined(text: str, spans: Sequence[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
    found: list[tuple[int, int]] = []
    for start, end in spans:
        if (
            found
            and "\n" not in text[found[-1][1] : start]
            and not text[found[-1][1] : start].strip()
        ):
            found[-1] = (found[-1][0], end)
        else:
            found.append((start, end))
    return tuple(found)
