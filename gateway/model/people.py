"""Customers, agents, and the addresses that customers write from."""

from __future__ import annotations

from gateway.model.base import Value


class Address(Value, frozen=True, kw_only=True):
    """Where a customer can be reached. ``value`` is the address as the channel writes it."""

    channel: str
    value: str

    @property
    def lane(self) -> str:
        """The key of the lane: everything with the same key is handled and sent in order."""
        return f"{self.channel}:{self.value}"


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
