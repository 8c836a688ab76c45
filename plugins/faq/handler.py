"""Answers known questions, and drafts answers for people."""

from __future__ import annotations

from collections.abc import Iterator

from gateway import Emotion, Reply, Turn
from plugins.faq.answers import Answers, Said
from plugins.faq.book import Book


class Faq:
    """Answers a turn whose intent stands in the book, in the customer's language.

    Routing has decided already that the bot may answer; a doubtful intent never gets here. For
    people it drafts the best answer of which it is at least ``suggest_confidence`` (0..1) sure.
    """

    name = "faq"
    priority = 50

    def __init__(self, *, book: Book, suggest_confidence: float) -> None:
        self._book, self._sure = book, suggest_confidence

    async def handle(self, turn: Turn) -> Reply | None:
        if turn.kind != "message" or turn.route.action != "automate":
            return None
        answers = await self._book.open()
        said = answers.find(turn.understanding.intent.name, turn.language)
        if said is None:
            return None
        return said.reply.replace(opener=said.opening.fitting(turn.understanding.emotion))

    async def suggest(self, turn: Turn) -> Reply | None:
        if turn.kind != "message":
            return None
        answers = await self._book.open()
        for intent in self._topics(turn):
            said = answers.find(intent, turn.language)
            if said and said.draft:
                return personal(answers, said, turn.understanding.emotion)
        return None

    def _topics(self, turn: Turn) -> Iterator[str]:
        """What the message may be about, likeliest first."""
        for guess in turn.understanding.ranking:
            if guess.confidence >= self._sure:
                yield guess.name
        # Who asks for a person says nothing of the matter; it is the one spoken of before.
        asked = any(reason.code == "asked_for_person" for reason in turn.route.reasons)
        if asked and turn.conversation.intent:
            yield turn.conversation.intent


def personal(answers: Answers, said: Said, emotion: Emotion) -> Reply | None:
    """The draft as a person would begin and end it."""
    if said.draft is None:
        return None
    ways = answers.drafts.get(said.draft.language)
    if ways is None:
        return said.draft
    return said.draft.replace(
        opener=ways.opening.fitting(emotion),
        next_step=ways.next_step or said.draft.next_step,
    )
