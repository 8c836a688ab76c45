"""Handlers that hand over to a person, ask a clarifying question, or admit to having no answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from gateway import Button, Fact, Guess, Message, Reason, Reply, Turn
from plugins.escalation.texts import HandoverTexts

Titles = Mapping[str, Mapping[str, str]]
"""Intent -> language -> title of its button."""

MOODS = {
    "frustrated": "handover_upset",
    "angry": "handover_upset",
    "anxious": "handover_worried",
    "urgent": "handover_urgent",
}
"""The kind of hand-over text for a mood; ``handover`` for all others."""


HARM_KIND = "handover_harm"
"""The kind of text for a message that speaks of harm, whatever else holds."""


@dataclass(kw_only=True)
class Escalation:
    """Announces a hand-over to a person, and asks one clarifying question.

    The question offers at most ``choices`` intents whose confidence is at least ``least``.
    """

    name = "escalation"
    priority = 10

    texts: HandoverTexts
    titles: Titles
    never_offer: frozenset[str]
    choices: int
    least: float

    async def handle(self, turn: Turn) -> Reply | None:
        if turn.route.action == "escalate":
            return hand_over(turn, self.texts, _handover_kind(turn))
        if turn.route.action == "clarify":
            return self._clarify(turn)
        return None

    def _clarify(self, turn: Turn) -> Reply:
        language = self.texts.supported(turn.language)
        buttons = tuple(self._button(guess, language) for guess in self._offered(turn, language))
        several = len(buttons) > 1
        return Reply(
            opener="",
            body=(self.texts.text("clarify" if several else "clarify_open", language),),
            buttons=buttons if several else (),
            language=language,
            purpose="clarify",
        )

    def _offered(self, turn: Turn, language: str) -> list[Guess]:
        offered = [
            guess
            for guess in turn.understanding.ranking
            if guess.confidence >= self.least
            and guess.name not in self.never_offer
            and self._has_title(guess.name, language)
        ]
        return offered[: self.choices]

    def _has_title(self, intent: str, language: str) -> bool:
        """Whether its button can be in ``language``. An intent without titles uses its name."""
        titles = self.titles.get(intent)
        return not titles or language in titles

    def _button(self, guess: Guess, language: str) -> Button:
        title = self.titles.get(guess.name, {}).get(language)
        if title is None and guess.name == "ask_person":  # packaged, so that shops need no title
            title = self.texts.text("person_button", language)
        title = title or intent_title(guess.name)
        return Button(title=title, payload=title)


@dataclass(kw_only=True)
class Fallback:
    """The last handler: says that the bot has no answer, and the second time hands over."""

    name = "fallback"
    priority = 1000

    texts: HandoverTexts

    async def handle(self, turn: Turn) -> Reply | None:
        if turn.kind != "message" or turn.route.action != "automate":
            return None
        if _had_no_answer(turn.history):
            reason = Reason(code="bot_failed", detail="the bot had no answer twice")
            return hand_over(turn, self.texts, _mood_kind(turn)).replace(escalate=(reason,))
        language = self.texts.supported(turn.language)
        person = self.texts.text("person_button", language)
        return Reply(
            opener="",
            body=(self.texts.text("fallback", language),),
            buttons=(Button(title=person, payload=person),),
            language=language,
            purpose="fallback",
        )


def hand_over(turn: Turn, texts: HandoverTexts, kind: str) -> Reply:
    """Announces the hand-over, and outside opening hours when a person will answer.

    Says nothing on a timer or an event: a failed timer is not the customer's concern.
    """
    language = texts.supported(turn.language)
    if turn.kind != "message":
        return Reply(language=language, purpose="notice")
    if kind == HARM_KIND:
        return _hand_over_harm(turn, texts)
    reply = Reply(body=(texts.text(kind, language),), language=language, purpose="handover")
    if kind == "not_served":
        own = texts.supported_for(kind, turn.language)
        # No opener: the voice may have none in this language, and an English one would mislead.
        reply = reply.replace(opener="", body=(texts.text(kind, own),), language=own)
    opening = _opening(turn, texts, language)
    if opening is None:
        return reply
    closed = texts.text("closed", language, when=opening.value)
    return reply.replace(body=(*reply.body, closed), facts=(opening,))


def _hand_over_harm(turn: Turn, texts: HandoverTexts) -> Reply:
    """First: are you safe, and whom to call. Then who has the message, and what is true of now.

    It has no opener, so that these are its first words.
    """
    language = texts.supported_for_harm(turn.language)
    number = texts.emergency_number(language, _country(turn))
    facts = [Fact(name="emergency_number", value=number)] if number else []
    values = {"number": number or texts.text("harm_number", language)}
    kind = "harm_told"
    if turn.opening is not None and turn.alarms:
        kind = "harm_alerted"
    elif turn.opening is not None:
        kind = "harm_closed"
        values["when"] = texts.date(datetime.fromisoformat(turn.opening), language)
        facts.append(Fact(name="opening", value=values["when"]))
    return Reply(
        opener="",
        body=tuple(texts.text(part, language, **values) for part in (HARM_KIND, kind)),
        facts=tuple(facts),
        language=language,
        purpose="handover",
    )


def _country(turn: Turn) -> str | None:
    """The customer's country, if a fact names it."""
    named = (f.value for f in (*turn.message.facts, *turn.context.facts) if f.name == "country")
    return next((value.strip().upper() for value in named), None)


def intent_title(intent: str) -> str:
    """``shipping_time`` as a title: Shipping time."""
    words = " ".join(intent.replace("/", " ").replace("_", " ").split())
    return words[:1].upper() + words[1:]


def _opening(turn: Turn, texts: HandoverTexts, language: str) -> Fact | None:
    """The next opening time, unless the bot already gave it in this conversation."""
    if turn.opening is None:
        return None
    date = texts.date(datetime.fromisoformat(turn.opening), language)
    given = any(message.author == "bot" and date in message.text for message in turn.history)
    return None if given else Fact(name="opening", value=date)


def _handover_kind(turn: Turn) -> str:
    codes = [reason.code for reason in turn.route.reasons]
    if "harm" in codes:
        return HARM_KIND
    if "unreadable" in codes:
        return "unreadable"
    if codes[:1] == ["plugin_failed"]:
        return "failed"
    return "not_served" if "language" in codes else _mood_kind(turn)


def _mood_kind(turn: Turn) -> str:
    return MOODS.get(turn.understanding.emotion.label, "handover")


def _had_no_answer(history: tuple[Message, ...]) -> bool:
    """Whether the bot had no answer before, since a person last had the conversation."""
    for message in reversed(history):
        if message.author == "agent" or message.purpose == "handover":
            return False
        if message.purpose == "fallback":
            return True
    return False
