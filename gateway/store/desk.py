"""Handoffs, and the queries of pages and cards."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Literal, Protocol

from gateway.model import (
    Accepted,
    Address,
    Agent,
    CaseRecord,
    ChangedCases,
    ConfirmedFact,
    ContextCard,
    Conversation,
    ConversationFilter,
    ConversationHeading,
    ConversationList,
    DuePromise,
    Handoff,
    ListName,
    ListPosition,
    Message,
    PastAnswer,
    PastConversation,
    Promise,
    QueuePage,
    QueuePosition,
    State,
    Suggestion,
    Survey,
    Value,
)
from gateway.store.work import AgentMessage, HandoffRequest

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
        spam: bool = False,
    ) -> Conversation:
        """Resolve, hand back or transfer (to whom: ``handoff``). ``line`` is the system line that
        agents see. A resolution also writes the ``resolved`` event, in the same commit; one as
        ``spam`` puts the label on instead, so that no survey follows."""
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

    async def end(self, conversation: int, epoch: int, at: datetime, *, line: str) -> None:
        """End a conversation that the bot has: it is no resolution, and nothing follows it."""
        ...

    async def note(self, message: Message) -> Message: ...
    async def ignore(self, suggestion: int, agent: Agent) -> Suggestion: ...


class ConversationRequest(Value, frozen=True, kw_only=True):
    """A conversation to begin at ``address``. With a ``subject`` it is a new one; else the open one
    there, if there is one. ``suspends``: an address where nothing could be delivered is refused.
    ``forwarded_from``: the conversation whose messages it passes on."""

    address: Address
    brand: str
    subject: str | None = None
    suspends: bool = False
    forwarded_from: int | None = None


class BegunConversation(Value, frozen=True, kw_only=True):
    """A conversation that a person began or took up by writing first."""

    conversation: Conversation
    accepted: Accepted


class Beginnings(Protocol):
    """Conversations that a person begins."""

    async def begin(
        self, request: ConversationRequest, message: AgentMessage, *, key: str, at: datetime
    ) -> BegunConversation:
        """Put ``message`` into the conversation of ``request``, which its agent then has, in one
        commit. A repeated ``key`` changes nothing. Raises RefusedByChannel, or Conflict when
        another agent has the conversation there."""
        ...

    async def is_known(self, address: Address) -> bool:
        """Whether a customer is known by ``address``."""
        ...

    async def refusal(self, address: Address) -> str | None:
        """Why nothing may be sent to ``address`` (an opt-out, a block); None when it may."""
        ...


class Promises(Protocol):
    """What was promised to customers, and the facts that agents confirmed. Methods raise
    NotFound."""

    async def of(self, conversation: int) -> tuple[Promise, ...]: ...
    async def due(
        self, at: datetime, *, brands: tuple[str, ...] = (), most: int = 500
    ) -> tuple[DuePromise, ...]:
        """Open promises of which somebody is to be reminded at ``at``, the first due first."""
        ...

    async def settle(self, promise: int, agent: Agent, at: datetime, *, kept: bool) -> Promise:
        """Record that a promise is kept, or withdrawn. One that is settled stays as it is."""
        ...

    async def notice(self, conversation: int, at: datetime, *, turn: int) -> int:
        """Say in the history which promises are overdue, each once; return how many."""
        ...

    async def confirm(self, fact: ConfirmedFact) -> None:
        """Store a confirmed fact, in place of an earlier one of that name. A ``name`` becomes the
        customer's."""
        ...


class Queries(Protocol):
    """What pages and cards show. Methods raise NotFound."""

    async def messages(
        self, address: Address, *, after: int = 0, limit: int = 100, own: bool = False
    ) -> tuple[Message, ...]: ...
    async def earlier(self, customer: int, *, limit: int = 20) -> tuple[PastConversation, ...]: ...
    async def surveys(self, customer: int, *, limit: int = 20) -> tuple[Survey, ...]: ...
    async def promises(self, conversation: int) -> tuple[Promise, ...]: ...
    async def answered(self, *, since: datetime, limit: int = 300) -> tuple[PastAnswer, ...]: ...
    async def cases(
        self,
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        after: int = 0,
        limit: int = 200,
        imported: bool | None = False,
    ) -> tuple[CaseRecord, ...]: ...
    async def cases_by_id(
        self, ids: Sequence[int], *, imported: bool | None = False
    ) -> tuple[CaseRecord, ...]: ...
    async def changed_cases(self, *, message: int, limit: int = 10_000) -> ChangedCases: ...
    async def newest_address(
        self, ref: str, *, channel: str, support_address: str = ""
    ) -> Address | None: ...
    async def is_proven(self, address: Address) -> bool: ...
    async def conversation(self, id: int) -> Conversation: ...
    async def newest_at(self, address: Address) -> Conversation | None: ...
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

    async def conversations(
        self, chosen: ConversationFilter, *, after: ListPosition | None = None, most: int = 50
    ) -> ConversationList:
        """At most ``most`` of the conversations that ``chosen`` names, behind ``after``. One
        statement."""
        ...

    async def list_counts(
        self, chosen: ConversationFilter, *, most: int = 100
    ) -> Mapping[ListName, int]:
        """How many conversations ``agent`` sees in the lists ``mine``, ``bot``, ``colleagues`` and
        ``snoozed`` of the ``brands``; ``most`` also stands for more. One statement."""
        ...

    async def card(self, id: int) -> ContextCard:
        """Without ``summary``, which the desk adds."""
        ...

    async def cards(self, ids: Sequence[int]) -> tuple[ContextCard, ...]:
        """The cards of those of ``ids`` that exist, in this order, by as many statements as one."""
        ...

    async def headings(self, ids: Sequence[int]) -> Mapping[int, ConversationHeading]:
        """Those of ``ids`` that exist, with their customers, by two statements."""
        ...

    async def messages_by_id(self, ids: Sequence[int]) -> Mapping[int, Message]:
        """The messages that exist, by one statement."""
        ...

    async def handoff(self, id: int) -> Handoff: ...
