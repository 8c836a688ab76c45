"""What was promised to a customer, and the facts that an agent confirmed."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from gateway.model.base import Address, Agent, Value

PromiseKind = Literal["answer", "call", "send", "refund", "check", "other"]
PromiseState = Literal["open", "kept", "replaced", "withdrawn"]
"""``replaced``: a later promise of the same kind took its place. ``withdrawn``: an agent said that
it is none, or that it no longer matters."""


class MadePromise(Value, frozen=True, kw_only=True):
    """A promise in a text: ``text[start:end]``. ``due`` is until when it is to be kept, with the
    offset of the business's time zone; ``whole_day``: some time on that day."""

    kind: str
    start: int
    end: int
    due: datetime
    whole_day: bool = False


class Promise(Value, frozen=True, kw_only=True):
    """A promise that was made to a customer, as it is stored. ``words`` are those of its message;
    ``agent`` is who made it, None for the bot."""

    id: int
    conversation: int
    message: int
    words: str
    kind: str = "other"
    made_at: datetime
    due: datetime
    """In UTC."""
    whole_day: bool = False
    remind_at: datetime
    """From when on its person is reminded: the morning of the day, or an hour before."""
    agent: Agent | None = None
    state: PromiseState = "open"
    settled_at: datetime | None = None
    settled_by: Agent | None = None
    """Who said that it is kept or withdrawn; None when a message kept it."""
    settled_message: int | None = None
    """The message that kept or replaced it."""

    def is_broken(self, now: datetime) -> bool:
        """Whether it was not kept in time. One that was kept late stays broken."""
        if self.state == "withdrawn":
            return False
        return (self.settled_at or now) > self.due

    def is_overdue(self, now: datetime) -> bool:
        """Whether somebody still has to keep it, and its time is over."""
        return self.state == "open" and now > self.due


class DuePromise(Value, frozen=True, kw_only=True):
    """An open promise, with what a list of reminders shows beside it."""

    promise: Promise
    customer: str | None
    """The customer's name."""
    address: Address
    """Where it was made."""
    brand: str = ""
    owner: Agent | None = None
    """Who has the conversation now."""


class ConfirmedFact(Value, frozen=True, kw_only=True):
    """A fact of the customer that ``agent`` has confirmed. ``name`` is a `FactName`; ``message`` is
    where the customer stated it."""

    name: str
    value: str
    conversation: int
    message: int
    agent: Agent
    at: datetime
