"""Customers, and what they come with."""

from __future__ import annotations

from gateway.model import Address, Value
from gateway.testing.simulation.moods import Temper
from gateway.testing.simulation.words import MatterKind, matter_kinds

CHATS = frozenset({"webchat", "rest"})
NAMED = frozenset({"email", "whatsapp", "telegram", "slack"})
"""Channels on which the customer's name comes with the message."""


class Person(Value, frozen=True, kw_only=True):
    """A customer. ``calm``: how they feel on an ordinary day, -1 to 1; ``lenience`` 0..1: how well
    they bear waiting and hide displeasure; ``answers_surveys``: how much likelier than others they
    answer one (1 is usual)."""

    number: int
    name: str
    address: Address
    language: str
    temper: Temper
    calm: float
    lenience: float
    answers_surveys: float
    hurried: bool = False

    @property
    def first_name(self) -> str:
        return self.name.split()[0]

    @property
    def chats(self) -> bool:
        """Whether they wait in front of the screen for an answer."""
        return self.address.channel in CHATS

    @property
    def named(self) -> bool:
        """Whether the shop knows their name."""
        return self.address.channel in NAMED


class Matter(Value, frozen=True, kw_only=True):
    """What a contact is about. ``topic`` is what an `oos` matter is about: a topic of the words, or
    ``other``. ``body`` is how the customer puts it first, ``bodies`` how they may put it later.
    ``easy``: a bot can settle it for sure; ``hard``: only a person can."""

    intent: str
    body: str
    bodies: tuple[str, ...]
    order: str
    topic: str | None = None
    easy: bool = False
    hard: bool = False
    vague: bool = False

    @property
    def kind(self) -> MatterKind:
        return matter_kinds()[self.intent]
