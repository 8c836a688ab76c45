"""Answers known questions, and drafts answers for people."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from gateway import Emotion, Question, Reason, Reply, Turn
from plugins.faq.answers import Answers, Said
from plugins.faq.book import Book

LEFT = {
    "en": (
        "A colleague will answer your other question.",
        "A colleague will answer your other questions.",
    ),
    "de": (
        "Ihre andere Frage beantwortet eine Kollegin oder ein Kollege.",
        "Ihre anderen Fragen beantwortet eine Kollegin oder ein Kollege.",
    ),
    "fr": (
        "Une personne de l'équipe répondra à votre autre question.",
        "Une personne de l'équipe répondra à vos autres questions.",
    ),
    "es": (
        "Una persona del equipo responderá a su otra pregunta.",
        "Una persona del equipo responderá a sus otras preguntas.",
    ),
}
"""What is said of one question, or of several, that only a person can answer."""


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
        asked = turn.understanding.questions
        intents = [one.guess.name for one in asked] or [turn.understanding.intent.name]
        found = [answers.find(intent, turn.language) for intent in intents]
        known = [said for said in found if said]
        if not known:
            return None
        left = [one for one, said in zip(asked, found, strict=False) if said is None]
        opener = known[0].opening.fitting(turn.understanding.emotion)
        return together([said.reply for said in known], left).replace(opener=opener)

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


def together(replies: Sequence[Reply], left: Sequence[Question]) -> Reply:
    """The answers to all questions in one; those ``left`` are for a person, and it is said so."""
    first, *more = replies
    if not more and not left:
        return first
    others = [line for one in more for line in (*one.body, *filter(None, [one.next_step]))]
    told = [first.next_step] if first.next_step and more else []
    reply = first.replace(
        body=(*first.body, *told, *others),
        next_step=None if more else first.next_step,
        links=tuple(dict.fromkeys(link for one in replies for link in one.links)),
        facts=tuple(dict.fromkeys(fact for one in replies for fact in one.facts)),
        buttons=() if more else first.buttons,
    )
    if not left:
        return reply
    words = LEFT.get(first.language, LEFT["en"])
    detail = "; ".join(f"“{one.text}”" for one in left)
    return reply.replace(
        next_step=words[len(left) > 1],
        buttons=(),
        escalate=(Reason(code="question_left", detail=f"not answered yet: {detail}"),),
    )


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
