"""Who writes, who answers, and where a customer is reached."""

from __future__ import annotations

from gateway.model.base import Value


class Address(Value, frozen=True, kw_only=True):
    """Where a customer can be reached: ``value`` is an address in the channel's own terms."""

    channel: str
    value: str

    @property
    def lane(self) -> str:
        """The key of everything that must keep its order with this address."""
        return f"{self.channel}:{self.value}"


class Customer(Value, frozen=True, kw_only=True):
    """Who writes to us. ``id`` is 0 until the first turn is committed."""

    id: int = 0
    name: str | None = None
    language: str | None = None
    opted_out: bool = False
    ref: str | None = None
    """The customer's id at the company, proven by a channel (a signed web-chat token)."""


class Agent(Value, frozen=True, kw_only=True):
    """A person who answers. ``id`` is unique among the desks: ``desk:ana``, ``slack:U123``."""

    id: str
    name: str
    skills: tuple[str, ...] = ()
    tier: str = "front"
