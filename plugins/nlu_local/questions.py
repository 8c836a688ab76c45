"""What a message asks: several questions at once, or the rest of an earlier question."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple, Protocol

from gateway import Guess, Question

from .phrases import LanguagePhrases
from .protocol import MessageInContext
from .text import MAX_CHARACTERS, tokenize

MAX_QUESTIONS = 4
PREVIOUS_CHARACTERS = 300
"""Characters of the previous message that are read again."""

MIN_WORDS = 2
"""Words of a question that can stand alone."""

MIN_CONFIDENCE = 0.6
"""A question needs this confidence to be one of several. A message with this confidence needs
nothing of the previous message."""

_SENTENCE_END = re.compile(r"[?？؟!.。…\n]+(?=\s|$|[¿])")

Span = tuple[int, int]
"""Start and end (exclusive) of a question in its message."""


class MessageTopic(NamedTuple):
    """What a message is about; as in `Insight`."""

    ranking: tuple[Guess, ...] | None
    questions: tuple[Question, ...] = ()


class IntentRanker(Protocol):
    """Ranks the intents of texts, best first."""

    def rank_all(self, texts: Sequence[str]) -> list[tuple[Guess, ...]]: ...


class QuestionFinder:
    """Finds questions by the words that begin them, and by those that continue an earlier one."""

    def __init__(self, phrases: Mapping[str, LanguagePhrases]) -> None:
        self._starts = frozenset(
            key for language in phrases.values() for key in language.question_starts
        )
        self._joiners = frozenset(
            key for language in phrases.values() for key in language.question_joiners
        )

    def topics(
        self, messages: Sequence[MessageInContext], intents: IntentRanker
    ) -> list[MessageTopic]:
        """The topic of each message, alone or together with the previous message."""
        spans = [self.question_spans(message.text) for message in messages]
        joined = [self._with_previous(message) for message in messages]
        texts = [message.text for message in messages]
        texts += [
            message.text[start:end]
            for message, found in zip(messages, spans, strict=True)
            for start, end in found
        ]
        texts += [text for text in joined if text]
        rankings = iter(intents.rank_all(texts) if texts else ())
        alone = [next(rankings) for _ in messages]
        apart = [[next(rankings) for _ in found] for found in spans]
        together = [next(rankings) if text else None for text in joined]
        return [
            _choose_topic(message.text, *parts)
            for message, parts in zip(
                messages, zip(alone, spans, apart, together, strict=True), strict=True
            )
        ]

    def question_spans(self, text: str) -> list[Span]:
        """The questions of ``text`` when there are two to `MAX_QUESTIONS`, else none."""
        found = [
            part
            for sentence in _sentences(text[:MAX_CHARACTERS])
            for part in self._split(text, sentence)
            if self._is_question(text[part[0] : part[1]])
        ]
        return found if 2 <= len(found) <= MAX_QUESTIONS else []

    def _with_previous(self, message: MessageInContext) -> str | None:
        """The previous message and this one, when this one is only the rest of a question (`and to
        Canada?`, `what about Sundays?`)."""
        words = tokenize(message.text)
        continues = 2 <= len(words) <= 7 and words[0].key in self._joiners
        if message.previous_text is None or not continues:
            return None
        return f"{message.previous_text[-PREVIOUS_CHARACTERS:]} {message.text}"

    def _split(self, text: str, sentence: Span) -> Iterator[Span]:
        """A sentence, cut where it continues with another question (`... and how ...`)."""
        start, end = sentence
        cuts = [
            start + joiner.start
            for joiner, after in pairwise(tokenize(text[start:end]))
            if joiner.start and joiner.key in self._joiners and after.key in self._starts
        ]
        yield from pairwise((start, *cuts, end))

    def _is_question(self, text: str) -> bool:
        words = tokenize(text)
        if len(words) < MIN_WORDS:
            return False
        first = words[1] if words[0].key in self._joiners else words[0]
        return text.rstrip().endswith(("?", "？", "؟")) or first.key in self._starts


def _choose_topic(
    text: str,
    alone: tuple[Guess, ...],
    spans: Sequence[Span],
    apart: Sequence[tuple[Guess, ...]],
    together: tuple[Guess, ...] | None,
) -> MessageTopic:
    if questions := _distinct_questions(text, spans, [ranking[0] for ranking in apart]):
        first = next(ranking for ranking in apart if ranking[0] == questions[0].guess)
        return MessageTopic(first, questions)
    unsure = alone[0].confidence < MIN_CONFIDENCE
    if together and unsure and together[0].confidence > alone[0].confidence:
        return MessageTopic(together)
    return MessageTopic(alone)


def _distinct_questions(
    text: str, spans: Sequence[Span], guesses: Iterable[Guess]
) -> tuple[Question, ...]:
    """The questions, each with another intent; none when one of them is unsure."""
    found: dict[str, Question] = {}
    for (start, end), guess in zip(spans, guesses, strict=True):
        if guess.confidence < MIN_CONFIDENCE:
            return ()
        question = text[start:end].strip()
        begin = text.index(question, start)
        found.setdefault(
            guess.name,
            Question(text=question, start=begin, end=begin + len(question), guess=guess),
        )
    return tuple(found.values()) if len(found) > 1 else ()


def _sentences(text: str) -> Iterator[Span]:
    start = 0
    for match in _SENTENCE_END.finditer(text):
        yield start, match.end()
        start = match.end()
    if text[start:].strip():
        yield start, len(text)
