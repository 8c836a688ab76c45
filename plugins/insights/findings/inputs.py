"""What the findings need beside the conversations."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from gateway import MoodLabel, TextEncoder, Value, Voice


class LabelledText(Value, frozen=True, kw_only=True):
    """One example of the shop's training data."""

    text: str
    intent: str


class ShopAnswer(Value, frozen=True, kw_only=True):
    """One answer in force, in one language."""

    intent: str
    language: str
    text: str


class AgentDay(Value, frozen=True, kw_only=True):
    """The emotional load of one agent on one day.

    ``load`` is the highest of that day in the ledger's unit; ``upset`` is how many conversations
    with an upset customer the agent handled that day, of ``handled`` in all.
    """

    agent: str
    day: date
    load: float
    upset: int
    handled: int


class MoodCheck(Value, frozen=True, kw_only=True):
    """A person's judgement of how a mood was read: by review, or an agent's correction."""

    conversation: int
    language: str
    read: MoodLabel
    right: MoodLabel


class FindingInputs(Value, frozen=True, kw_only=True):
    """What the shop knows already, and what other parts measured.

    Each may be missing: ``encoder`` (then nothing is clustered), ``examples`` (then the intents
    that were recognised stand for them), ``loads`` (then nobody is found to be overloaded).
    """

    encoder: TextEncoder | None = None
    voice: Voice | None = None
    examples: Sequence[LabelledText] = ()
    """All examples of the shop's intents, those out of scope as ``oos``."""
    answers: Sequence[ShopAnswer] = ()
    names: Sequence[str] = ()
    """Names that are masked wherever they stand, such as the agents'."""
    loads: Sequence[AgentDay] = ()
    moods: Sequence[MoodCheck] = ()
