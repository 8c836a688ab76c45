"""What practice is made of: phrases, moves, needs, scenarios and sessions."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Literal

from gateway import MoodLabel, Value

PracticeLanguage = Literal["en", "de", "fr", "es"]
"""The languages whose replies the model of mood reads."""

PhraseKind = Literal[
    "absolve",
    "acknowledge",
    "stock_empathy",
    "apology",
    "own",
    "explain",
    "next_step",
    "time",
    "redress",
    "choice",
    "blame",
    "policy",
    "robotic",
    "effort",
    "ask_repeat",
    "ask_number",
    "ask_photo",
    "dismiss",
    "deny",
    "refuse",
    "pass_on",
    "vague",
    "cheerful",
    "retort",
    "but",
    "first_person",
]
"""The word lists: what a phrase does, whoever hears it."""

UpsettingKind = Literal[
    "blame",
    "policy",
    "robotic",
    "effort",
    "dismiss",
    "deny",
    "refuse",
    "pass_on",
    "vague",
    "cheerful",
    "retort",
]
"""The phrases that upset by themselves."""

MoveKind = Literal[
    "absolve",
    "acknowledge",
    "stock_empathy",
    "apology",
    "own",
    "explain",
    "next_step",
    "time",
    "redress",
    "choice",
    "specific",
    "first_person",
    "blame",
    "policy",
    "robotic",
    "effort",
    "asked_again",
    "dismiss",
    "deny",
    "refuse",
    "pass_on",
    "vague",
    "cheerful",
    "retort",
    "taken_back",
    "empty_apology",
    "no_step",
    "too_short",
    "too_long",
]
"""What a reply does to this customer now."""

Need = Literal["acknowledge", "explain", "own", "next_step", "time"]
"""What a customer waits for."""


class Move(Value, frozen=True, kw_only=True):
    """One thing that a reply does. ``weight``: how much it relieves (above 0) or upsets.
    ``sentence`` is the agent's; empty where the whole reply does it."""

    kind: MoveKind
    weight: float
    sentence: str = ""


class PracticeExchange(Value, frozen=True, kw_only=True):
    """A reply of the agent and what it did. ``distress`` (0..1) is the customer's after it;
    ``line`` names the scenario's line that the customer answered with."""

    reply: str
    moves: tuple[Move, ...]
    distress: float
    line: str


class PracticeScenario(Value, frozen=True, kw_only=True):
    """A customer to practise with.

    ``lines`` by what they are said for: a `Need` that is open, ``worse``, ``softer``, ``settled``
    (the end) and ``leaves`` (the end, too). ``needs`` in the order in which this customer asks for
    them. ``brand`` and ``conversation`` are set for those that come from the team's own
    conversations: then all texts are masked.
    """

    id: str
    language: PracticeLanguage
    title: str
    about: str
    opening: str
    mood: MoodLabel
    distress: float
    needs: tuple[Need, ...]
    lines: Mapping[str, tuple[str, ...]] = {}
    brand: str = ""
    conversation: int = 0


class PracticeSession(Value, frozen=True, kw_only=True):
    """What one agent practised. It holds the agent's replies and names the customer's lines: the
    words of customers stay in the scenario, and go with it.

    ``shared``: leads of ``brand`` may see it. ``ended``: the customer is settled or has left.
    """

    id: str
    agent: str
    agent_name: str
    brand: str
    scenario: str
    language: PracticeLanguage
    began_at: datetime
    exchanges: tuple[PracticeExchange, ...] = ()
    ended: bool = False
    shared: bool = False
