"""Handlers that hand over to a person, ask a clarifying question, or admit to having no answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from gateway import (
    AddressStep,
    Button,
    Fact,
    Guess,
    Message,
    Reason,
    Reply,
    Timer,
    Turn,
    Value,
    in_language,
)
from plugins.escalation.texts import EMAIL_TITLES, HandoverTexts

Titles = Mapping[str, Mapping[str, str]]
"""Intent -> language -> title of its button."""

SURE = 0.55
"""The hand-over names an intent from this confidence on."""
PERSON_INTENTS = frozenset({"ask_person", "ask_for_person", "talk_to_human"})
"""Intents that say who should answer, and not what it is about."""
DETAILS_TIMER = "details"
"""The timer that hands over when a question for details gets no answer."""
DETAILS_WAIT = timedelta(minutes=10)
"""How long a hand-over waits for the customer's details."""

MOODS = {
    "frustrated": "handover_upset",
    "angry": "handover_upset",
    "anxious": "handover_worried",
    "urgent": "handover_urgent",
}
"""The kind of hand-over text for a mood; ``handover`` for all others."""


HARM_KIND = "handover_harm"
"""The kind of text for a message that speaks of harm, whatever else holds."""


class SlotTexts(Value, frozen=True, kw_only=True):
    """What customers read about a slot, by language; ``*`` is for every language."""

    titles: Mapping[str, str] = {}
    ask: Mapping[str, str] = {}


@dataclass(frozen=True, kw_only=True)
class Matters:
    """Names what a conversation is about, with the titles of intents and what was stated."""

    titles: Titles = field(default_factory=dict)
    unnamed: frozenset[str] = frozenset()
    """Intents that are never named."""
    slots: Mapping[str, SlotTexts] = field(default_factory=dict)

    def named(self, turn: Turn, language: str) -> tuple[str, tuple[Fact, ...]] | None:
        """The matter as a text in ``language``, and the facts in it; None when it is not sure or
        has no title. Harm is never filed under a title."""
        codes = {reason.code for reason in turn.route.reasons}
        if "harm" in codes or turn.understanding.has("harm"):
            return None
        title = self.titles.get(self._intent(turn, codes) or "", {}).get(language, "")
        stated = self._stated(turn, language)
        parts = [title.strip(" .?!¿¡؟"), *stated]
        facts = [Fact(name="matter", value=parts[0]), *stated.values()]
        matter = ", ".join(part for part in parts if part)
        return (matter, tuple(fact for fact in facts if fact.value)) if matter else None

    def _intent(self, turn: Turn, codes: set[str]) -> str | None:
        """The message's intent if it is sure and names a matter, else the conversation's."""
        guess = turn.understanding.intent
        unsure = guess.confidence < SURE or codes & {"low_confidence", "out_of_scope"}
        never = self.unnamed | PERSON_INTENTS
        found = None if unsure or guess.name in never else guess.name
        about = turn.conversation.intent
        return found or (about if about not in never else None)

    def _stated(self, turn: Turn, language: str) -> dict[str, Fact]:
        """``order number MP-48213``, with its fact, for each slot of the shop that is known."""
        stated = {}
        for name, texts in self.slots.items():
            value = turn.given(name) if name != "email" else None
            if value is not None:
                title = in_language(texts.titles, language)
                stated[f"{title} {value}".strip()] = Fact(name=name, value=value)
        return stated

    def question(
        self, names: Sequence[str], texts: HandoverTexts, language: str
    ) -> tuple[tuple[str, ...], str]:
        """The question for the slots ``names``, and its language: ``language`` if all of it can
        be said there, else English."""
        known = [self.slots.get(name, SlotTexts()) for name in names]
        for code in dict.fromkeys((texts.supported(language), "en")):
            asked = tuple(in_language(slot.ask, code) for slot in known)
            if all(asked):
                return asked, code
            titles = [in_language(slot.titles, code) for slot in known]
            if all(titles) and texts.has("ask", code):
                return (texts.text("ask", code, details=", ".join(titles)),), code
        details = ", ".join(intent_title(name) for name in names)
        return (texts.text("ask", "en", details=details),), "en"


@dataclass(kw_only=True)
class Escalation:
    """Announces a hand-over to a person, asks for details before it, asks one clarifying question,
    and reassures who waits.

    The clarifying question offers at most ``choices`` intents whose confidence is at least
    ``least``.
    """

    name = "escalation"
    priority = 10

    texts: HandoverTexts
    titles: Titles
    never_offer: frozenset[str]
    choices: int
    least: float
    matters: Matters = field(default_factory=Matters)

    async def handle(self, turn: Turn) -> Reply | None:
        if turn.kind == "timer" and turn.name == DETAILS_TIMER:
            return self._details_missing(turn)
        if turn.route.action == "escalate":
            return hand_over(turn, self.texts, _handover_kind(turn), self.matters)
        if turn.route.action == "clarify":
            names = _details_asked(turn.route.reasons)
            return self._ask(turn, names) if names else self._clarify(turn)
        return None

    def still_waiting(self, turn: Turn) -> Reply:
        """Says that the customer is still in line, and outside opening hours until when."""
        language = self.texts.supported_for("in_line", turn.language)
        reply = Reply(
            opener="",
            body=(self.texts.text("in_line", language),),
            language=language,
            purpose="notice",
        )
        if (opening := _opening(turn, self.texts, language)) is None:
            return reply
        closed = self.texts.text("closed", language, when=opening.value)
        return reply.replace(body=(*reply.body, closed), facts=(opening,))

    def about_address(self, turn: Turn, step: AddressStep, address: str = "") -> Reply:
        """Says when people are back wherever an answer is promised, unless that was said."""
        language = self.texts.supported_for(f"mail_{step}", turn.language)
        body = [self.texts.text(f"mail_{step}", language, address=address)]
        facts = [Fact(name="email", value=address)] if address else []
        opening = _opening(turn, self.texts, language) if step in ("ask", "proven") else None
        if opening is not None and not (step == "ask" and _was_given(opening, turn)):
            closed = self.texts.text("closed", language, when=opening.value)
            body.insert(0 if step == "ask" else 1, closed)
            facts.append(opening)
        return Reply(
            opener="",
            body=tuple(body),
            facts=tuple(facts),
            language=language,
            purpose="ask_address" if step == "ask" else "notice",
        )

    def _ask(self, turn: Turn, names: Sequence[str]) -> Reply:
        """Asks for details. When a hand-over waits for them, it does not wait for long."""
        body, language = self.matters.question(names, self.texts, turn.language)
        timer = Timer(name=DETAILS_TIMER, due_at=turn.at + DETAILS_WAIT)
        return Reply(
            opener="",
            body=body,
            language=language,
            purpose="clarify",
            timers=(timer,) if len(turn.route.reasons) > 1 else (),
        )

    def _details_missing(self, turn: Turn) -> Reply | None:
        """The hand-over, if the customer has written nothing since the question."""
        last = next((m for m in reversed(turn.history) if not m.internal), None)
        reasons = last.route.reasons if last and last.author == "bot" and last.route else ()
        if turn.conversation.state != "bot" or not _details_asked(reasons) or len(reasons) < 2:
            return None
        reply = hand_over(turn.replace(kind="message"), self.texts, _mood_kind(turn), self.matters)
        return reply.replace(escalate=reasons[1:])

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
        """Whether its button can be in ``language``. Without titles its name serves in English."""
        titles = self.titles.get(intent)
        return language in titles if titles else language == "en"

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
    matters: Matters = field(default_factory=Matters)

    async def handle(self, turn: Turn) -> Reply | None:
        if turn.kind != "message" or turn.route.action != "automate":
            return None
        if _had_no_answer(turn.history):
            reason = Reason(code="bot_failed", detail="the bot had no answer twice")
            reply = hand_over(turn, self.texts, _mood_kind(turn), self.matters)
            return reply.replace(escalate=(reason,))
        language = self.texts.supported(turn.language)
        person = self.texts.text("person_button", language)
        return Reply(
            opener="",
            body=(self.texts.text("fallback", language),),
            buttons=(Button(title=person, payload=person),),
            language=language,
            purpose="fallback",
        )


def hand_over(turn: Turn, texts: HandoverTexts, kind: str, matters: Matters) -> Reply:
    """Announces the hand-over, names the matter, and outside opening hours says when a person will
    answer.

    Says nothing on a timer or an event: a failed timer is not the customer's concern.
    """
    if turn.kind != "message":
        return Reply(language=texts.supported(turn.language), purpose="notice")
    if kind == HARM_KIND:
        return _hand_over_harm(turn, texts)
    # `not_served` has more languages than the others; so has what follows it.
    served = kind != "not_served"
    language = (
        texts.supported(turn.language) if served else texts.supported_for(kind, turn.language)
    )
    if kind == "no_words" and not texts.has(kind, language):
        kind = "handover"
    body, facts = [texts.text(kind, language)], list[Fact]()
    says_what = kind not in ("not_served", "unreadable", "no_words")
    names_matter = says_what and texts.has("matter", language)
    if names_matter and (named := matters.named(turn, language)):
        body.append(texts.text("matter", language, matter=named[0]))
        facts += named[1]
    opening = _opening(turn, texts, language)
    if opening is not None and not _was_given(opening, turn):
        body.append(texts.text("closed", language, when=opening.value))
        facts.append(opening)
    return Reply(
        # No opener: the voice may have none in this language, and an English one would mislead.
        opener=None if served else "",
        body=tuple(body),
        facts=tuple(facts),
        language=language,
        purpose="handover",
    )


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


def slot_texts(slots: Mapping[str, SlotTexts]) -> dict[str, SlotTexts]:
    """``slots`` and the packaged slot ``email``."""
    return {"email": SlotTexts(titles=EMAIL_TITLES), **slots}


def _details_asked(reasons: Sequence[Reason]) -> list[str]:
    """The slots that a route asks for; empty for every other route."""
    asks = bool(reasons) and reasons[0].code == "details_needed"
    return reasons[0].detail.split(", ") if asks else []


def _opening(turn: Turn, texts: HandoverTexts, language: str) -> Fact | None:
    """The next opening time, if people are away and it can be said in ``language``."""
    if turn.opening is None or not (
        texts.has("closed", language) and texts.has("opening", language)
    ):
        return None
    date = texts.date(datetime.fromisoformat(turn.opening), language)
    return Fact(name="opening", value=date)


def _was_given(opening: Fact, turn: Turn) -> bool:
    """Whether the bot already gave the opening time in this conversation."""
    return any(m.author == "bot" and opening.value in m.text for m in turn.history)


def _handover_kind(turn: Turn) -> str:
    codes = [reason.code for reason in turn.route.reasons]
    if "harm" in codes:
        return HARM_KIND
    if "unreadable" in codes:
        return "unreadable"
    if "no_words" in codes:
        return "no_words"
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
