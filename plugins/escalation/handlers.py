"""The bot steps back, asks back, or owns that it has no answer."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from gateway import Button, Fact, Guess, Message, Reason, Reply, Turn
from plugins.escalation.words import Words

Titles = Mapping[str, Mapping[str, str]]
"""Intent -> language -> what a button says."""

MOODS = {
    "frustrated": "handover_upset",
    "angry": "handover_upset",
    "anxious": "handover_worried",
    "urgent": "handover_urgent",
}


class Escalation:
    """Says the one line of a hand-over, and the one question back."""

    name = "escalation"
    priority = 10

    def __init__(
        self,
        *,
        words: Words,
        titles: Titles,
        never_offer: frozenset[str],
        choices: int,
        least: float,
    ) -> None:
        self._words, self._titles = words, titles
        self._never_offer, self._choices, self._least = never_offer, choices, least

    async def handle(self, turn: Turn) -> Reply | None:
        if turn.route.action == "escalate":
            return hand_over(turn, self._words, _kind(turn))
        if turn.route.action == "clarify":
            return self._ask_back(turn)
        return None

    def _ask_back(self, turn: Turn) -> Reply:
        language = self._words.language(turn.language)
        buttons = tuple(self._button(guess, language) for guess in self._offered(turn, language))
        enough = len(buttons) > 1
        return Reply(
            opener="",
            body=(self._words.say("clarify" if enough else "clarify_open", language),),
            buttons=buttons if enough else (),
            language=language,
            purpose="clarify",
        )

    def _offered(self, turn: Turn, language: str) -> list[Guess]:
        fit = [
            guess
            for guess in turn.understanding.ranking
            if guess.confidence >= self._least
            and guess.name not in self._never_offer
            and self._has_words(guess.name, language)
        ]
        return fit[: self._choices]

    def _has_words(self, intent: str, language: str) -> bool:
        """Whether its button would be in ``language``; without any title its name must do."""
        titles = self._titles.get(intent)
        return not titles or language in titles

    def _button(self, guess: Guess, language: str) -> Button:
        title = self._titles.get(guess.name, {}).get(language) or humanised(guess.name)
        return Button(title=title, payload=title)


class Fallback:
    """The last to be asked: says that the bot has no answer, and the second time gives up."""

    name = "fallback"
    priority = 1000

    def __init__(self, *, words: Words) -> None:
        self._words = words

    async def handle(self, turn: Turn) -> Reply | None:
        if turn.kind != "message" or turn.route.action != "automate":
            return None
        if _at_a_loss(turn.history):
            again = Reason(code="bot_failed", detail="the bot had no answer twice")
            return hand_over(turn, self._words, _mood(turn)).replace(escalate=(again,))
        language = self._words.language(turn.language)
        person = self._words.say("person_button", language)
        return Reply(
            opener="",
            body=(self._words.say("fallback", language),),
            buttons=(Button(title=person, payload=person),),
            language=language,
            purpose="fallback",
        )


def hand_over(turn: Turn, words: Words, kind: str) -> Reply:
    """The line of a hand-over, and when a person will answer if nobody is there now.

    Silent when nobody wrote: a failed timer is no news to the customer.
    """
    language = words.language(turn.language)
    if turn.kind != "message":
        return Reply(language=language, purpose="notice")
    told = Reply(body=(words.say(kind, language),), language=language, purpose="handover")
    if kind == "not_served":
        own = words.nearest(kind, turn.language)
        # The voice may have no opener in it, and one in English would belie the line.
        told = told.replace(opener="", body=(words.say(kind, own),), language=own)
    opening = _opening(turn, words, language)
    if opening is None:
        return told
    closed = words.say("closed", language, when=opening.value)
    return told.replace(body=(*told.body, closed), facts=(opening,))


def humanised(intent: str) -> str:
    """``shipping_time`` as a title: Shipping time."""
    words = " ".join(intent.replace("/", " ").replace("_", " ").split())
    return words[:1].upper() + words[1:]


def _opening(turn: Turn, words: Words, language: str) -> Fact | None:
    """When people are back, unless this conversation was told so already."""
    if turn.opening is None:
        return None
    when = words.when(datetime.fromisoformat(turn.opening), language)
    fact = Fact(name="opening", value=when)
    told = any(m.author == "bot" and when in m.text for m in turn.history)
    return None if told else fact


def _kind(turn: Turn) -> str:
    codes = [reason.code for reason in turn.route.reasons]
    if "unreadable" in codes:
        return "unreadable"
    if codes[:1] == ["plugin_failed"]:
        return "failed"
    return "not_served" if "language" in codes else _mood(turn)


def _mood(turn: Turn) -> str:
    return MOODS.get(turn.understanding.emotion.label, "handover")


def _at_a_loss(history: tuple[Message, ...]) -> bool:
    """Whether the bot had no answer once before, since a person last had the conversation."""
    for message in reversed(history):
        if message.author == "agent" or message.purpose == "handover":
            return False
        if message.purpose == "fallback":
            return True
    return False
