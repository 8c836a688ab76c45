"""What the audit finds out about each matter of a customer, and its figures."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from gateway import MoodLabel, Value

Verdict = Literal["answer", "clarify", "hand_over"]
"""What the bot would do: answer, ask back (or say that it has no answer), or call a person."""
UPSET = frozenset({"frustrated", "angry", "anxious"})
"""Moods of customers whom nobody should answer with a template."""
Agreement = Literal["agree", "differ", "cannot_tell"]


class AuditedMatter(Value, frozen=True, kw_only=True):
    """A customer's message that opened a matter, what the bot would do with it, and what a person
    answered. It holds what people wrote: mask it before it is shown."""

    conversation: int
    message: int
    customer: int
    at: datetime
    channel: str
    brand: str = ""
    language: str = "und"
    question: str
    mood: MoodLabel = "calm"
    distress: float = 0.0
    intent: str = ""
    """What the bot takes it for; empty where it is not sure."""
    verdict: Verdict
    reasons: tuple[str, ...] = ()
    """Codes of the reasons to step back, the deciding one first."""
    handler: str = ""
    polite: bool = False
    """The bot would only greet or thank."""
    bot: str = ""
    """What the bot would state, without the voice's words around it."""
    person: str = ""
    """What people answered, without greetings and replies that say nothing; empty: nobody did."""
    seconds: float | None = None
    """From the message to the first answer of a person."""
    names: frozenset[str] = frozenset()
    """Words of the names of those who took part, to mask them."""
    agreement: Agreement = "cannot_tell"
    wrong: bool = False
    """The bot would say something else than the person did: other facts, or another matter."""
    why: str = ""
    """Why it agrees, differs or cannot be told."""
    topic: int = -1
    """The index of its topic; -1: none."""

    @property
    def upset(self) -> bool:
        return self.mood in UPSET


class Estimate(Value, frozen=True, kw_only=True):
    """A figure with its 95 % interval. ``n`` is on how many matters it rests; ``enough`` is False
    where that is too few to rely on."""

    value: float
    low: float
    high: float
    n: int
    enough: bool = True
