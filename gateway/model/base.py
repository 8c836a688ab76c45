"""What all values share: the frozen base class, enumerated texts, named facts, and people."""

from __future__ import annotations

from typing import Any, Literal, Self, TypeAlias

import msgspec

Json: TypeAlias = dict[str, Any] | list[Any] | str | int | float | bool | None
"""JSON as a provider sends it. The channel that parses it turns it into typed values."""

MoodLabel = Literal["calm", "pleased", "confused", "anxious", "frustrated", "angry", "urgent"]

Author = Literal["customer", "bot", "agent", "system"]

Status = Literal["received", "queued", "sent", "delivered", "read", "unsure", "failed", "discarded"]
"""What became of a message. ``unsure``: nobody knows whether the provider took it."""

State = Literal["bot", "waiting", "person", "resolved"]
"""Who has a conversation. ``waiting``: for a person to claim it."""

Purpose = Literal[
    "message",
    "answer",
    "clarify",
    "fallback",
    "handover",
    "notice",
    "survey",
    "thanks",
    "alarm",
    "opt_out",
    "ask_address",
]
"""``ask_address``: asks for an address at which an answer reaches the customer later.
``alarm``: a system line that must reach somebody now (see `AlarmReceiver`). ``opt_out``:
confirms that the customer gets no more messages; it alone is sent to an address that opted out."""

Action = Literal["automate", "clarify", "escalate", "pass"]
"""``pass``: on to the person who has the conversation."""

Severity = Literal["info", "warning", "error"]


class Value(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A frozen value with keyword-only fields.

    A value that is frozen from the start cannot be part of a reference cycle. So the garbage
    collector does not track values (``gc=False``; see "Disabling Garbage Collection" in msgspec's
    documentation on structs), and reference counts free them.
    """

    def replace(self, **changes: object) -> Self:
        """Return a copy with ``changes``. Raises TypeError for an unknown field."""
        return msgspec.structs.replace(self, **changes)


class Fact(Value, frozen=True, kw_only=True):
    """A named fact, such as an amount, a date or an order number. No stage changes its value."""

    name: str
    value: str


TOKENS = "tokens"
"""The name of the fact of a reply that says how many tokens a language model took for it."""
DRAFT_TOKENS = "draft_tokens"
"""The same of a draft for a person: a fact of the customer's message that it answers."""


class Address(Value, frozen=True, kw_only=True, omit_defaults=True):
    """Where a customer can be reached, and from which address of ours.

    ``value`` is the customer's address as the channel writes it. ``support_address`` is the name,
    in the settings, of the number, mailbox, bot or site of ours that the customer wrote to; empty
    for the channel's first one.
    """

    channel: str
    value: str
    support_address: str = ""

    @property
    def channel_key(self) -> str:
        """The key of our side: ``sms``, or ``sms/sales`` with a support address."""
        return channel_key(self.channel, self.support_address)

    @property
    def lane(self) -> str:
        """The key of the lane: everything with the same key is handled and sent in order."""
        return f"{self.channel_key}:{self.value}"

    @classmethod
    def from_lane(cls, lane: str) -> Self:
        """The address whose `lane` this is: ``sms:+15550100``, ``sms/sales:+15550100``."""
        key, _, value = lane.partition(":")
        channel, _, support_address = key.partition("/")
        return cls(channel=channel, value=value, support_address=support_address)


def channel_key(channel: str, support_address: str) -> str:
    """As `Address.channel_key`."""
    return f"{channel}/{support_address}" if support_address else channel


class Customer(Value, frozen=True, kw_only=True):
    """A person who writes to us. ``id`` is 0 until the first turn is committed."""

    id: int = 0
    name: str | None = None
    language: str | None = None
    opted_out: bool = False
    ref: str | None = None
    """The customer's id at the company, verified by a channel (a signed web-chat token)."""


class Agent(Value, frozen=True, kw_only=True):
    """A person who answers customers. ``id`` begins with where they work: ``desk:ana``,
    ``slack:U123``."""

    id: str
    name: str
    skills: tuple[str, ...] = ()
    tier: str = "front"
    brands: tuple[str, ...] = ()
    """The brands whose conversations they may see; none: all. An empty name is no brand."""

    def works_for(self, brand: str) -> bool:
        """Whether they may see the conversations of ``brand``."""
        return not self.brands or brand in self.brands
