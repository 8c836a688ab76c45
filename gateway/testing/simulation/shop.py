"""What customers and agents meet: the real gateway, or a stand-in."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from gateway.model import Agent, Suggestion
from gateway.testing.simulation.values import (
    AgentAnswer,
    Claimed,
    Heard,
    QueuedCase,
    Received,
    Written,
)


class Shop(Protocol):
    """Where messages go. Times are UTC and never go back."""

    async def next_due(self) -> datetime | None:
        """When the next timer is due."""
        ...

    async def fire(self, at: datetime) -> Sequence[Heard]:
        """Fire the timers that are due at ``at``; what customers hear from it."""
        ...

    async def write(self, message: Written) -> Received:
        """A customer writes."""
        ...

    async def waiting(self, at: datetime) -> Sequence[QueuedCase]:
        """The conversations that nobody has claimed, most urgent first."""
        ...

    async def claim(self, item: QueuedCase, agent: Agent, at: datetime) -> Claimed: ...
    async def suggestion(self, case: Claimed, at: datetime) -> Suggestion | None:
        """The draft that the agent sees now."""
        ...

    async def answer(self, case: Claimed, agent: Agent, answer: AgentAnswer, at: datetime) -> int:
        """Send an agent's answer; the number of messages that it became."""
        ...

    async def transfer(
        self, case: Claimed, agent: Agent, tier: str, why: str, at: datetime
    ) -> None: ...
    async def label(self, case: Claimed, agent: Agent, label: str, at: datetime) -> None: ...
    async def snooze(self, case: Claimed, agent: Agent, until: datetime, at: datetime) -> None: ...
    async def settle_promises(self, agent: Agent, at: datetime) -> None:
        """Record that ``agent`` kept all promises of which somebody is reminded now."""
        ...

    async def resolve(self, case: Claimed, agent: Agent, at: datetime) -> Sequence[Heard]:
        """Close a conversation; what the customer hears from it."""
        ...
