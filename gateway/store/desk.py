"""Handoffs, and the queries of pages and cards."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Literal, Protocol

from gateway.model import (
    Address,
    Agent,
    CaseRecord,
    ChangedCases,
    ContextCard,
    Conversation,
    Handoff,
    Message,
    PastAnswer,
    PastConversation,
    QueuePage,
    QueuePosition,
    State,
    Suggestion,
    Survey,
)
from gateway.store.work import HandoffRequest

AlarmCause = Literal["closed", "unclaimed", "away"]
"""``closed``: nobody is at work; ``unclaimed``: nobody claimed the handoff in time; ``away``: the
person who has the conversation is not at work."""


class Handoffs(Protocol):
    """Who has a conversation. Each change is a compare-and-set on the epoch that does not wait for
    a running turn. Methods raise Conflict or NotFound."""

    async def claim(
        self, conversation: int, agent: Agent, epoch: int, at: datetime
    ) -> tuple[Conversation, tuple[Message, ...]]:
        """Give the conversation to ``agent``. Also returns the bot's messages that were already on
        their way."""
        ...

    async def move(
        self,
        conversation: int,
        agent: Agent | None,
        epoch: int,
        at: datetime,
        *,
        state: State,
        line: str,
        handoff: HandoffRequest | None = None,
    ) -> Conversation:
        """Resolve, hand back or transfer (to whom: ``handoff``). ``line`` is the system line that
        agents see. A resolution also writes the ``resolved`` event, in the same commit."""
        ...

    async def unclaim(
        self,
        conversation: int,
        agent: Agent,
        epoch: int,
        at: datetime,
        *,
        line: str,
        claim_by: datetime | None,
        alarm_minutes: float,
    ) -> Conversation:
        """Let a conversation of ``agent`` wait again, in the handoff that it had: with its reasons,
        its priority and its first waiting time. ``claim_by``: when it moves up unless claimed. One
        that speaks of harm and has waited for ``alarm_minutes`` sounds its alarm at once: the timer
        that it had found it claimed. Raises Conflict when ``agent`` does not have it."""
        ...

    async def move_up(
        self, handoff: int, conversation: int, request: HandoffRequest, at: datetime
    ) -> bool:
        """Move an unclaimed handoff to a higher tier; False when it was claimed meanwhile."""
        ...

    async def sound_alarm(
        self, conversation: int, why: AlarmCause, *, turn: int, at: datetime
    ) -> bool:
        """Commit an alarm: a system line of purpose ``alarm`` and the event ``handoff.alarm``.
        False when there is none to sound: nobody needs to claim it any more, or this ``turn`` has
        sounded it before. ``why`` is ``away`` for a conversation that a person has."""
        ...

    async def note(self, message: Message) -> Message: ...
    async def ignore(self, suggestion: int, agent: Agent) -> Suggestion: ...


class Queries(Protocol):
    """What pages and cards show. Methods raise NotFound."""

    async def messages(
        self, address: Address, *, after: int = 0, limit: int = 100, own: bool = False
    ) -> tuple[Message, ...]: ...
    async def earlier(self, customer: int, *, limit: int = 20) -> tuple[PastConversation, ...]: ...
    async def surveys(self, customer: int, *, limit: int = 20) -> tuple[Survey, ...]: ...
    async def answered(self, *, since: datetime, limit: int = 300) -> tuple[PastAnswer, ...]: ...
    async def cases(
        self,
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        after: int = 0,
        limit: int = 200,
    ) -> tuple[CaseRecord, ...]: ...
    async def cases_by_id(self, ids: Sequence[int]) -> tuple[CaseRecord, ...]: ...
    async def changed_cases(self, *, message: int, limit: int = 10_000) -> ChangedCases: ...
    async def newest_address(
        self, ref: str, *, channel: str, support_address: str = ""
    ) -> Address | None: ...
    async def is_proven(self, address: Address) -> bool: ...
    async def conversation(self, id: int) -> Conversation: ...
    async def queue(
        self,
        *,
        after: QueuePosition | None = None,
        most: int | None = None,
        brands: tuple[str, ...] = (),
    ) -> QueuePage:
        """What people have, and the next ``most`` of those that wait behind ``after``: all of them
        without ``most``, from the most urgent without ``after``, of all brands without ``brands``.
        One statement."""
        ...

    async def card(self, id: int) -> ContextCard:
        """Without ``summary``, which the desk adds."""
        ...

    async def handoff(self, id: int) -> Handoff: ...
