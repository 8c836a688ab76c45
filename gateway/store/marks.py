"""What people mark a conversation with: labels, a snooze, a blocked address."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Protocol

from gateway.model import Address, Agent, BlockedAddress, Conversation

SNOOZE_TIMER = "snoozed"
"""The name of the timer that ends a snooze. Its data say which one: ``until``, in milliseconds."""
SPAM = "spam"
"""The label of conversations that are no customer's concern."""


class Marks(Protocol):
    """Labels, snoozes and blocked addresses. Methods raise NotFound.

    None of them changes the epoch: who may answer stays the same. A new epoch would also silence
    the conversation's timers (an alarm about harm), which hold the epoch they were set in.
    """

    async def label(
        self, conversation: int, *, add: Collection[str], remove: Collection[str]
    ) -> Conversation:
        """Put labels on a conversation and take others off."""
        ...

    async def snooze(
        self,
        conversation: int,
        agent: Agent,
        *,
        epoch: int,
        until: datetime,
        at: datetime,
        line: str,
    ) -> Conversation:
        """Snooze a conversation that ``agent`` has, with the system line ``line``. A timer of the
        same commit ends the snooze. Raises Conflict when ``epoch`` is not current or another person
        has the conversation, and NotAccepted when its handoff is about harm."""
        ...

    async def wake(
        self, conversation: int, agent: Agent, *, epoch: int, at: datetime, line: str
    ) -> Conversation:
        """End the snooze now. A conversation that is not snoozed stays as it is. Raises Conflict as
        `snooze` does."""
        ...

    async def block(self, address: Address, *, at: datetime | None) -> None:
        """Block an address since ``at``, or unblock a blocked one (None). What waits in its outbox
        is discarded when it is blocked."""
        ...

    async def blocked(
        self, *, brands: Collection[str] = (), after: int = 0, most: int = 50
    ) -> tuple[BlockedAddress, ...]:
        """The next ``most`` blocked addresses with ids above ``after``, of customers of ``brands``
        (none: of all)."""
        ...

    async def labelled(
        self, label: str, *, brands: Collection[str] = (), before: int = 0, most: int = 50
    ) -> tuple[Conversation, ...]:
        """The newest ``most`` conversations with ``label`` and ids below ``before`` (0: the
        newest), of ``brands`` (none: of all)."""
        ...
