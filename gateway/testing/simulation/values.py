"""What passes between the customers and agents of a simulation and the shop they meet in."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from gateway.model import Address, Button, Message, Reason, Suggestion, SurveyQuestion, Value
from gateway.testing.simulation.moods import Mood

Kind = Literal["matter", "detail", "thanks", "survey", "waiting"]


class Meaning(Value, frozen=True, kw_only=True):
    """What a customer's message means, in truth.

    ``intent`` with the ``confidence`` that a good reader of these words has; ``signals`` as in
    `Insight.signals`: ``asked_for_person``, ``not_helped``.
    """

    language: str
    intent: str
    confidence: float
    mood: Mood
    signals: tuple[str, ...] = ()


class Say(Value, frozen=True, kw_only=True):
    """What a customer writes ``after`` so many seconds, unless they hear something before."""

    text: str
    meaning: Meaning
    after: float = 0.0
    kind: Kind = "matter"
    score: int | None = None
    """The score in the answer to a survey."""
    again: bool = False
    """The customer repeats what they have told before."""


class Written(Value, frozen=True, kw_only=True):
    """A message on its way to the shop. ``key`` is unique."""

    key: str
    address: Address
    name: str | None
    say: Say
    at: datetime


class Heard(Value, frozen=True, kw_only=True):
    """One message of the bot to a customer. ``about`` is the intent that it answers."""

    conversation: int
    address: Address
    at: datetime
    purpose: str
    text: str
    about: str | None = None
    asks_details: bool = False
    buttons: tuple[Button, ...] = ()
    survey: SurveyQuestion | None = None
    parts: int = 1
    """Messages that it came in."""


class Received(Value, frozen=True, kw_only=True):
    """What became of a customer's message, and what the bot said to it.

    ``reasons`` are those of a hand-over; ``state`` is that of the conversation afterwards.
    """

    conversation: int
    state: str
    heard: tuple[Heard, ...]
    handed_over: bool = False
    reasons: tuple[str, ...] = ()


class QueuedCase(Value, frozen=True, kw_only=True):
    """A conversation in the queue of the desk."""

    conversation: int
    epoch: int
    address: Address
    tier: str
    priority: int
    since: datetime


class Claimed(Value, frozen=True, kw_only=True):
    """A conversation that an agent has claimed. ``suggestion`` is the draft that they see."""

    conversation: int
    address: Address
    epoch: int
    suggestion: Suggestion | None = None


class AgentAnswer(Value, frozen=True, kw_only=True):
    """What an agent writes, and what it does to the customer.

    ``asks``: the agent asks for the order number. ``outcome``: what became of the suggestion;
    ``edit``: how it was changed. ``human``: its human moments, among ``name``, ``past_contact`` and
    ``order``. ``uses``: the names of the plants in it.
    """

    text: str
    helpful: bool
    asks: bool = False
    suggestion: int | None = None
    source: str | None = None
    outcome: Literal["sent", "edited", "ignored"] | None = None
    edit: Literal["tone", "length", "fact", "rewrite"] | None = None
    human: tuple[str, ...] = ()
    uses: tuple[str, ...] = ()
    harm: float = 0.0


def heard_from(message: Message, address: Address, about: str | None) -> Heard:
    """A stored message of the bot as the customer hears it."""
    reasons: tuple[Reason, ...] = message.route.reasons if message.route else ()
    return Heard(
        conversation=message.conversation,
        address=address,
        at=message.at,
        purpose=message.purpose,
        text=message.text,
        about=about,
        asks_details=any(reason.code == "details_needed" for reason in reasons),
        buttons=message.buttons,
        survey=message.survey,
    )
