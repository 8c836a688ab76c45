"""What a message asks: several questions at once, or the rest of an earlier one."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

from gateway import Guess, Question

from .phrases import Words
from .text import MOST, Token, tokens

if TYPE_CHECKING:
    from .intent import IntentModel

MOST_QUESTIONS = 4
BEFORE = 300
"""Characters of the earlier message that are read again."""

SHORTEST = 2
"""Words of a question that can stand for itself."""

SURE = 0.6
"""A question must be told this surely to be one of several; a message that is told this surely
by itself needs nothing of what was said before."""

_END = re.compile(r"[?？؟!.。…\n]+(?=\s|$|[¿])")


class Said(NamedTuple):
    """A message; ``known`` is the language of its conversation so far, ``before`` what the
    customer wrote last before it."""

    text: str
    known: str | None = None
    before: str | None = None


class Topic(NamedTuple):
    """What a message is about; as in `Insight`."""

    ranking: tuple[Guess, ...] | None
    questions: tuple[Question, ...] = ()


class Asking:
    """Knows the words that begin questions, and those that go on with an earlier one."""

    def __init__(self, words: Mapping[str, Words]) -> None:
        self._asking = frozenset(key for one in words.values() for key in one.asking)
        self._joining = frozenset(key for one in words.values() for key in one.joining)

    def topics(self, said: Sequence[Said], intents: IntentModel) -> list[Topic]:
        """What each message is about, alone or with what was said before."""
        parts = [self.parts(one.text) for one in said]
        wholes = [self._whole(one) for one in said]
        texts = [one.text for one in said]
        texts += [one.text[a:b] for one, spans in zip(said, parts, strict=True) for a, b in spans]
        texts += [whole for whole in wholes if whole]
        ranked = iter(intents.rank_all(texts) if texts else ())
        alone = [next(ranked) for _ in said]
        apart = [[next(ranked) for _ in spans] for spans in parts]
        joined = [next(ranked) if whole else None for whole in wholes]
        return [_topic(*one) for one in zip(texts, alone, parts, apart, joined, strict=False)]

    def _whole(self, said: Said) -> str | None:
        """What is asked when it goes on with what was asked before."""
        if said.before is None or not self.goes_on(said.text):
            return None
        return f"{said.before[-BEFORE:]} {said.text}"

    def parts(self, text: str) -> list[tuple[int, int]]:
        """Where the questions of ``text`` stand, when there are two to `MOST_QUESTIONS`."""
        found = [
            part
            for start, end in _sentences(text[:MOST])
            for part in self._split(text, start, end)
            if self._asks(text[part[0] : part[1]])
        ]
        return found if 2 <= len(found) <= MOST_QUESTIONS else []

    def goes_on(self, text: str) -> bool:
        """Whether it is but the rest of a question (`and to Canada?`, `what about Sundays?`)."""
        words = tokens(text)
        return 2 <= len(words) <= 7 and words[0].key in self._joining

    def _split(self, text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
        """A sentence in two where it goes on with another question (`... and how ...`)."""
        words = tokens(text[start:end])
        cuts = [
            start + joint.start
            for joint, after in pairwise(words)
            if joint.start and joint.key in self._joining and after.key in self._asking
        ]
        yield from pairwise((start, *cuts, end))

    def _asks(self, text: str) -> bool:
        words = tokens(text)
        if len(words) < SHORTEST:
            return False
        return text.rstrip().endswith(("?", "？", "؟")) or self._begins(words)

    def _begins(self, words: Sequence[Token]) -> bool:
        first = words[1:2] if words[0].key in self._joining else words[:1]
        return all(word.key in self._asking for word in first)


def _topic(
    text: str,
    alone: tuple[Guess, ...],
    parts: Sequence[tuple[int, int]],
    apart: Sequence[tuple[Guess, ...]],
    joined: tuple[Guess, ...] | None,
) -> Topic:
    if questions := several(text, parts, [ranking[0] for ranking in apart]):
        first = next(one for one in apart if one[0] == questions[0].guess)
        return Topic(first, questions)
    unsure = alone[0].confidence < SURE
    if joined and unsure and joined[0].confidence > alone[0].confidence:
        return Topic(joined)
    return Topic(alone)


def several(
    text: str, parts: Sequence[tuple[int, int]], guesses: Iterable[Guess]
) -> tuple[Question, ...]:
    """The questions, each about something else; none when they are not all told surely."""
    found: dict[str, Question] = {}
    for (start, end), guess in zip(parts, guesses, strict=True):
        if guess.confidence < SURE:
            return ()
        said = text[start:end].strip()
        begin = text.index(said, start)
        question = Question(text=said, start=begin, end=begin + len(said), guess=guess)
        found.setdefault(guess.name, question)
    return tuple(found.values()) if len(found) > 1 else ()


def _sentences(text: str) -> Iterator[tuple[int, int]]:
    start = 0
    for match in _END.finditer(text):
        yield start, match.end()
        start = match.end()
    if text[start:].strip():
        yield start, len(text)
