"""Which of the model's sentences its passage says: the check that nothing gets past.

Three kinds of evidence must agree. Rules (`gateway.contradictions`) compare what can be written
down: figures, links, deciding words, promises. The encoder finds for each part of the sentence the
nearest part of the source, and rules compare the two: denied or not, limits kept. And every word
with a meaning of its own must be in the source, as itself or as a word that the encoder puts close
to it: a sentence that adds a condition, a name or a topic has a word that nothing there is near to.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from gateway import (
    Contradiction,
    Embedding,
    Passage,
    SourceText,
    TextEncoder,
    Value,
    clause_contradictions,
    clauses,
    content_words,
    contradictions,
    likeable_words,
    same_word,
    sentence_spans,
    source_words,
    unmatched,
)

SIMILAR_WORDS = 0.66
"""The least cosine of a word with a word, or two words, of the source. Chosen on the development
half of `make bench PARTS=grounding`: synonyms lie above (`photo`, `picture` 0.91; `return`, `send
back` 0.74), things of one kind below (`lamp`, `kettle` 0.45; `Norway`, `Sweden` 0.62)."""
SIMILAR_SENTENCES = 0.45
"""The least cosine of a sentence with its source."""
MOST_MILD_WORDS = 2
"""Words of a sentence's own that add next to nothing (`parcel`, `find`)."""
NEAR_TIE = 0.03
"""Parts of the source this close to the nearest one are as near as that."""
WORDS_APART = 12
"""Characters between two words that are looked at as one expression: `sent back`."""
LONGEST_SENTENCE = 600
"""Characters of a sentence that is looked at; what is longer is refused."""
MOST_CLAUSES = 12
"""Parts of the evidence that are compared."""


class Support(Value, frozen=True, kw_only=True):
    """Where a sentence's passage says it: ``text[start:end]`` of the passage, for highlighting."""

    start: int
    end: int


class SentenceCheck(Value, frozen=True, kw_only=True):
    """The outcome for one sentence. ``reasons``: why it is refused; empty: it holds.
    ``words``: those that nothing in the source is near to."""

    reasons: tuple[str, ...] = ()
    support: tuple[Support, ...] = ()
    words: tuple[str, ...] = ()

    @property
    def holds(self) -> bool:
        return not self.reasons


@dataclass(frozen=True, kw_only=True)
class SentenceChecker:
    """Compares a model's sentences with the passages they name."""

    encoder: TextEncoder

    async def check(
        self, sentence: str, language: str, passage: Passage, quotes: Sequence[str]
    ) -> SentenceCheck:
        """Whether ``passage`` says ``sentence``, which is in ``language``, where ``quotes`` stand.

        Raises WarmlineError when the encoder fails."""
        support = quoted(passage.text, quotes)
        if not support:
            return SentenceCheck(reasons=("quote_not_in_passage",))
        if not sentence.strip() or len(sentence) > LONGEST_SENTENCE:
            return SentenceCheck(reasons=("length",), support=support)
        source = source_text(passage, support)
        reasons: list[str] = list(contradictions(sentence, language, source))
        if reasons:
            return SentenceCheck(reasons=tuple(reasons), support=support)
        unknown = await self._unknown_words(sentence, language, source)
        if unknown:
            return SentenceCheck(reasons=("unknown_word",), support=support, words=unknown)
        return SentenceCheck(
            reasons=await self._compared(sentence, language, source), support=support
        )

    async def _unknown_words(
        self, sentence: str, language: str, source: SourceText
    ) -> tuple[str, ...]:
        known = source_words(source.text, source.language)
        words = [w for w in content_words(sentence, language) if not same_word(w, known)]
        mild = [word for word in words if word.mild and not word.name][:MOST_MILD_WORDS]
        words = [word for word in words if word not in mild]
        # What our list knows is decided by it: the encoder puts invoice and receipt close.
        if certain := tuple(word.text for word in words if word.name or word.meanings):
            return certain
        if not words:
            return ()
        like = likeable_words(source.text, source.language)
        near = [w.text for w in like]
        near += [source.text[a.start : b.end] for a, b in pairwise(like)
                 if b.start - a.end <= WORDS_APART]  # fmt: skip
        near = list(dict.fromkeys(near))
        if not near:
            return tuple(word.text for word in words)
        left = [unmatched(word, known) for word in words]
        asked = [
            word.text if rest == word.folded else rest
            for word, rest in zip(words, left, strict=True)
        ]
        vectors = await self.encoder.embed([*asked, *near])
        found, others = vectors[: len(words)], vectors[len(words) :]
        nearest = (np.asarray(found) @ np.asarray(others).T).max(axis=1)
        return tuple(
            word.text
            for word, near_by in zip(words, nearest, strict=True)
            if near_by < SIMILAR_WORDS
        )

    async def _compared(self, sentence: str, language: str, source: SourceText) -> tuple[str, ...]:
        """What the nearest parts of the source contradict."""
        ours = _telling(clauses(sentence), language)
        theirs = _telling(clauses(source.evidence), source.language)
        titled = f"{source.context}: {source.evidence}"
        texts = [sentence, source.evidence, titled, *ours, *theirs]
        whole, evidence, with_title, *parts = await self.encoder.embed(texts)
        if max(cosine(whole, evidence), cosine(whole, with_title)) < SIMILAR_SENTENCES:
            return ("similarity",)
        reasons: list[str] = []
        for clause, vector in zip(ours, parts[: len(ours)], strict=True):
            cosines = [cosine(vector, other) for other in parts[len(ours) :]]
            best = max(cosines)
            near = [
                text
                for text, cosine in zip(theirs, cosines, strict=True)
                if cosine >= best - NEAR_TIE
            ]
            found: list[tuple[Contradiction, ...]] = [
                clause_contradictions(clause, language, each, source, sentence) for each in near
            ]
            if all(found):
                reasons += found[0]
        return tuple(dict.fromkeys(reasons))


def _telling(parts: Sequence[str], language: str) -> list[str]:
    """``parts``, those without a word that carries meaning (`and on 26 December`) joined with the
    one before or behind."""
    found: list[str] = []
    for part in parts:
        if found and not (content_words(part, language) and content_words(found[-1], language)):
            found[-1] = f"{found[-1]} {part}"
        else:
            found.append(part)
    return found[:MOST_CLAUSES]


def quoted(text: str, quotes: Sequence[str]) -> tuple[Support, ...]:
    """The sentences of ``text`` that ``quotes`` stand in, in order; empty unless each quote is in
    it, word for word (spaces, kinds of quotation marks and final points aside)."""
    spans = sentence_spans(text)
    found: set[tuple[int, int]] = set()
    for quote in quotes:
        words = re.split(r"\s+", quote.strip().strip("\"'“”„«».").strip())
        if not any(words):
            return ()
        match = re.search(r"\s+".join(map(_any_marks, words)), text)
        if match is None:
            return ()
        found |= {span for span in spans if span[0] < match.end() and match.start() < span[1]}
    return tuple(Support(start=start, end=end) for start, end in sorted(found))


def source_text(passage: Passage, support: Sequence[Support]) -> SourceText:
    """What a sentence may use: the sentences at ``support``, the titles above the passage, and what
    the parts of a table, of steps or of a list need to be understood: its first line."""
    evidence = "\n".join(passage.text[each.start : each.end] for each in support)
    context = [passage.title, *passage.headings, passage.question]
    if passage.kind in ("table", "steps", "list"):
        context.append(passage.text.partition("\n")[0])
    return SourceText(
        evidence=evidence,
        context=". ".join(dict.fromkeys(filter(None, context))),
        language=passage.language,
    )


def _any_marks(word: str) -> str:
    return re.sub(r"['’\"“”„«»]", "['’\"“”„«»]", re.escape(word))


def cosine(one: Embedding, other: Embedding) -> float:
    """Of two embeddings of norm 1."""
    return float(np.dot(np.asarray(one), np.asarray(other)))
