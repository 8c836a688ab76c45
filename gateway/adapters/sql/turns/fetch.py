"""Fetches the head of a lane: its oldest unhandled inbox row, with the customer, the conversation
and the history that its turn needs.

One query answers most of it: where the database is another machine, that is one round trip.
Where several processes serve, the head is first leased by one of them. Whoever commits a turn first
writes it (the state of its row is the fence); the lease saves the others the work, and later shows
which row a process died on.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import (
    Connection,
    Row,
    String,
    and_,
    bindparam,
    exists,
    func,
    literal_column,
    select,
    update,
)
from sqlalchemy.exc import NoResultFound

from gateway.adapters.encryption import BadKey
from gateway.adapters.sql import rows
from gateway.adapters.sql.engine.prepared import PreparedJoin, PreparedStatement
from gateway.adapters.sql.identities import is_blocked, is_opted_out, is_suspended
from gateway.adapters.sql.processes import ProcessLease, is_alive, remove_expired
from gateway.adapters.sql.schema import (
    conversations,
    customers,
    identities,
    inbox,
    messages,
    outbox,
    surveys,
)
from gateway.adapters.sql.turns.album import with_album
from gateway.adapters.sql.turns.held import is_held
from gateway.adapters.sql.turns.resolver import conversation_of, sender
from gateway.model import (
    UNREADABLE,
    Address,
    Agent,
    Conversation,
    Customer,
    Inbound,
    Message,
    Survey,
)
from gateway.store import AgentMessage, ConversationEvent, NotBefore, UnreadableRow, WorkItem

HISTORY = 40
FROM_CUSTOMERS = frozenset({"message", "edit", "unreadable"})
"""The kinds of rows that providers delivered."""
LOOK_AGAIN = timedelta(seconds=1)
READY = literal_column("'ready'", String)
"""Literal, not bound: SQLite uses a partial index only when it can prove the condition, and must
prove it anew for each bound value."""

_CUSTOMER_BY_ID = select(customers).where(customers.c.id == bindparam("id"))
_CONVERSATION_BY_ID = select(conversations).where(conversations.c.id == bindparam("id"))
_HISTORY = PreparedStatement(
    select(messages)
    .where(messages.c.conversation_id == bindparam("id"))
    .order_by(messages.c.id.desc())
    .limit(HISTORY)
)
_OPEN_SURVEY = (
    select(surveys)
    .where(
        surveys.c.conversation_id == bindparam("id"),
        surveys.c.answered_at.is_(None),
        # A survey that was not delivered asks nothing; one that may have arrived does.
        ~exists().where(
            messages.c.conversation_id == surveys.c.conversation_id,
            messages.c.purpose == "survey",
            messages.c.status.in_(("failed", "discarded")),
        ),
        ~exists().where(
            messages.c.conversation_id == surveys.c.conversation_id,
            messages.c.purpose == "survey",
            messages.c.status != "unsure",
            outbox.c.message_id == messages.c.id,
            outbox.c.state.in_(("ready", "dead", "discarded")),
        ),
    )
    .limit(1)
)
_ANSWERED_SURVEY = (
    select(surveys)
    .where(surveys.c.conversation_id == bindparam("id"), surveys.c.answered_at.is_not(None))
    .limit(1)
)
_HEAD_PROCESS = PreparedStatement(
    select(inbox.c.id, inbox.c.kind, inbox.c.attempts, inbox.c.due_at, inbox.c.process)
    .where(
        inbox.c.lane == bindparam("lane"),
        inbox.c.state == READY,
        inbox.c.id > bindparam("after"),
    )
    .order_by(inbox.c.id)
    .limit(1)
)
_LEASE = PreparedStatement(
    update(inbox)
    .where(inbox.c.id == bindparam("row"), inbox.c.state == READY)
    .values(process=bindparam("own"), attempts=inbox.c.attempts + bindparam("died"))
)
_INBOUND = msgspec.json.Decoder(Inbound)
_AGENT_MESSAGE = msgspec.json.Decoder(AgentMessage)
_EVENT = msgspec.json.Decoder(ConversationEvent)


class LaneHead(NamedTuple):
    """The oldest unhandled row of a lane. ``known`` is the customer with the lane's address and
    ``last`` the last conversation of the lane; None where there is none."""

    row: Any
    known: Any
    last: Any
    opted_out: bool
    suspended: bool
    blocked: bool
    has_others: bool
    """``known`` has conversations besides ``last``."""
    more: bool
    """Further rows wait behind ``row``."""


def lease_head(
    connection: Connection, lease: ProcessLease, lane: str, at: datetime
) -> NotBefore | None:
    """Lease the head of ``lane`` to this process; or return when to look again, because another
    process has it. Call in a transaction that holds the lane.

    A row taken over from a dead process counts one attempt more: it may be what killed it.
    """
    head = _HEAD_PROCESS.one(connection, {"lane": lane, "after": 0})
    if head is not None and is_held(head, at):
        behind = head
        while behind is not None and behind.kind == "agent":
            behind = _HEAD_PROCESS.one(connection, {"lane": lane, "after": behind.id})
        head = behind if behind is not None and behind.kind in FROM_CUSTOMERS else head
    if head is None or head.due_at > at.timestamp() * 1000 or head.process == lease.id:
        return None
    if head.process is not None:
        remove_expired(connection, lease)
        if is_alive(connection, head.process):
            return NotBefore(at=at + LOOK_AGAIN)
    died = 0 if head.process is None else 1
    _LEASE.count(connection, {"row": head.id, "own": lease.id, "died": died})
    return None


def fetch_turn(
    connection: Connection, lane: str, at: datetime, idle: timedelta
) -> WorkItem | NotBefore | None:
    """The oldest unhandled row of ``lane`` with everything its turn needs; None when there is none.
    Raises UnreadableRow."""
    head = _fetch_head(connection, lane)
    if head is None:
        return None
    if is_held(head.row, at):
        head = _behind_held(connection, lane, head)
    row = head.row
    if row.due_at > rows.to_ms(at):
        return NotBefore(at=rows.from_ms(row.due_at))
    try:
        if row.kind in FROM_CUSTOMERS:
            return _customer_turn(connection, head, idle)
        return _internal_turn(connection, row, more=head.more)
    except (BadKey, msgspec.DecodeError, UnicodeError, NoResultFound) as error:
        raise UnreadableRow(row.id, row.attempts, type(error).__name__) from error


def _fetch_head(connection: Connection, lane: str, after: int = 0) -> LaneHead | None:
    """The oldest unhandled row with an id above ``after``."""
    address = Address.from_lane(lane)
    values = {"lane": lane, "after": after, **rows.address_values(address)}
    found = _HEAD.first(connection, values)
    return None if found is None else LaneHead(*found[:3], *map(bool, found[3:]))


def _behind_held(connection: Connection, lane: str, held: LaneHead) -> LaneHead:
    """The customer's message behind a held answer and those that wait for it, which is handled
    first: the agents see it and may take answers back. Else the held answer, for which everything
    else waits."""
    behind: LaneHead | None = held
    while behind is not None and behind.row.kind == "agent":
        behind = _fetch_head(connection, lane, behind.row.id) if behind.more else None
    if behind is None or behind.row.kind not in FROM_CUSTOMERS:
        return held
    return behind._replace(more=True)


def _customer_turn(connection: Connection, head: LaneHead, idle: timedelta) -> WorkItem:
    row = head.row
    joined: tuple[int, ...] = ()
    inbound = _read_inbound(connection, row)
    if inbound.album is not None and head.more:
        inbound, joined = with_album(connection, row, inbound)
    customer = sender(connection, inbound, head.known)
    conversation: Conversation | None = None
    history: tuple[Message, ...] = ()
    survey: Survey | None = None
    closed: Conversation | None = None
    closed_history: tuple[Message, ...] = ()
    if customer.id:
        conversation = conversation_of(connection, inbound, customer, head.last)
        if conversation is not None:
            history = _history(connection, conversation.id)
            survey = _open_survey(connection, conversation)
            if _is_over(conversation, history, survey, rows.from_ms(row.received_at) - idle):
                if conversation.state == "resolved":
                    closed, closed_history = conversation, history
                conversation, history, survey = None, (), None
    return WorkItem(
        id=row.id,
        lane=row.lane,
        kind=inbound.kind,
        attempts=row.attempts,
        at=rows.from_ms(row.received_at),
        error=row.error,
        more=head.more,
        inbound=inbound,
        customer=customer,
        conversation=conversation,
        history=history,
        survey=survey,
        closed=closed,
        closed_history=closed_history,
        closed_survey=_answered_survey(connection, closed) if closed else None,
        opted_out=head.opted_out,
        suspended=head.suspended,
        blocked=head.blocked,
        returning=_is_returning(head, customer, conversation),
        joined=joined,
    )


def _read_inbound(connection: Connection, row: Row[Any]) -> Inbound:
    """The customer's message. A damaged one says so, and goes to a person."""
    try:
        payload = rows.decrypted(connection, "inbox.payload", row.lane, row.payload)
        return _INBOUND.decode(payload)
    except (BadKey, msgspec.DecodeError, UnicodeError):
        rows.report_unreadable(connection, "inbox.payload")
        return Inbound(
            address=Address.from_lane(row.lane),
            text=UNREADABLE,
            at=rows.from_ms(row.received_at),
            remote_id=row.remote_id,
            kind="unreadable",
        )


def _read_agent_message(connection: Connection, row: Row[Any]) -> AgentMessage | None:
    """The agent's message; None when it is damaged."""
    try:
        payload = rows.decrypted(connection, "inbox.payload", row.lane, row.payload)
        return _AGENT_MESSAGE.decode(payload)
    except (BadKey, msgspec.DecodeError, UnicodeError):
        rows.report_unreadable(connection, "inbox.payload")
        return None


def _internal_turn(connection: Connection, row: Row[Any], *, more: bool) -> WorkItem:
    """The turn of an agent's message, a timer or an event."""
    written: AgentMessage | None = None
    event: ConversationEvent | None = None
    if row.kind == "agent":
        written = _read_agent_message(connection, row)
    else:
        payload = rows.decrypted(connection, "inbox.payload", row.lane, row.payload)
        event = _EVENT.decode(payload)
    found = connection.execute(_CONVERSATION_BY_ID, {"id": row.conversation_id}).one()
    customer = connection.execute(_CUSTOMER_BY_ID, {"id": found.customer_id}).one()
    conversation = rows.conversation(connection, found)
    return WorkItem(
        id=row.id,
        lane=row.lane,
        kind=row.kind,
        attempts=row.attempts,
        at=rows.from_ms(row.received_at),
        error=row.error,
        more=more,
        agent_message=written or (_damaged(conversation) if row.kind == "agent" else None),
        damaged=row.kind == "agent" and written is None,
        event=event,
        customer=rows.customer(connection, customer),
        conversation=conversation,
        history=_history(connection, conversation.id),
        survey=_open_survey(connection, conversation),
        opted_out=is_opted_out(connection, conversation.address),
        suspended=is_suspended(connection, conversation.address),
        blocked=is_blocked(connection, conversation.address),
    )


def _damaged(conversation: Conversation) -> AgentMessage:
    """Stands for a damaged message of an agent, so that the agent sees that it was not sent."""
    agent = conversation.owner or Agent(id="unreadable", name=UNREADABLE)
    return AgentMessage(conversation=conversation.id, agent=agent, text=UNREADABLE)


def _is_returning(head: LaneHead, customer: Customer, conversation: Conversation | None) -> bool:
    """False when this is certainly the customer's first conversation."""
    if not customer.id:
        return False
    if head.known is None or head.known.id != customer.id or conversation is None:
        return True
    return head.has_others or conversation.id != head.last.id


def _is_over(
    conversation: Conversation, history: tuple[Message, ...], survey: Survey | None, idle: datetime
) -> bool:
    """Whether it is resolved with no survey open, or has been left with the bot since before
    ``idle``. Then the message begins a new conversation."""
    if conversation.state == "resolved":
        return survey is None
    last = history[-1].at if history else conversation.opened_at
    return conversation.state == "bot" and last < idle


def _history(connection: Connection, conversation: int) -> tuple[Message, ...]:
    found = _HISTORY.all(connection, {"id": conversation})
    return tuple(rows.message(connection, row) for row in reversed(found))


def _open_survey(connection: Connection, conversation: Conversation) -> Survey | None:
    if conversation.state != "resolved":
        return None
    row = connection.execute(_OPEN_SURVEY, {"id": conversation.id}).one_or_none()
    return rows.survey(connection, row) if row else None


def _answered_survey(connection: Connection, conversation: Conversation) -> Survey | None:
    row = connection.execute(_ANSWERED_SURVEY, {"id": conversation.id}).one_or_none()
    return rows.survey(connection, row) if row else None


def _head_query() -> PreparedJoin:
    newest, other, behind = conversations.alias(), conversations.alias(), inbox.alias()
    lane = bindparam("lane", type_=String)
    known = and_(
        identities.c.channel == bindparam("channel"),
        identities.c.value == bindparam("value"),
        identities.c.support_address == bindparam("support_address"),
    )
    last = select(func.max(newest.c.id)).where(newest.c.lane == lane).scalar_subquery()
    others = exists().where(other.c.customer_id == customers.c.id, other.c.id != conversations.c.id)
    more = exists().where(
        behind.c.lane == inbox.c.lane, behind.c.state == READY, behind.c.id > inbox.c.id
    )
    tables = (inbox, customers, conversations)
    columns = (column for table in tables for column in table.c)
    return PreparedJoin(
        select(
            *columns,
            identities.c.opted_out,
            identities.c.unreachable,
            identities.c.blocked_at.is_not(None).label("blocked"),
            others.label("others"),
            more.label("more"),
        )
        .select_from(
            inbox.outerjoin(identities, known)
            .outerjoin(customers, customers.c.id == identities.c.customer_id)
            .outerjoin(conversations, conversations.c.id == last)
        )
        .where(inbox.c.lane == lane, inbox.c.state == READY, inbox.c.id > bindparam("after"))
        .order_by(inbox.c.id)
        .limit(1),
        *tables,
    )


_HEAD = _head_query()
