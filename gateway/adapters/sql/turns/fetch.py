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

from gateway.adapters.sql import rows
from gateway.adapters.sql.engine.prepared import PreparedJoin, PreparedStatement
from gateway.adapters.sql.identities import is_opted_out
from gateway.adapters.sql.processes import ProcessLease, is_alive, remove_expired
from gateway.adapters.sql.schema import (
    conversations,
    customers,
    identities,
    inbox,
    messages,
    surveys,
)
from gateway.adapters.sql.turns.resolver import conversation_of, sender
from gateway.model import Address, Conversation, Customer, Inbound, Message, Survey
from gateway.store import AgentMessage, ConversationEvent, NotBefore, UnreadableRow, WorkItem

HISTORY = 40
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
    .where(surveys.c.conversation_id == bindparam("id"), surveys.c.answered_at.is_(None))
    .limit(1)
)
_HEAD_PROCESS = PreparedStatement(
    select(inbox.c.id, inbox.c.due_at, inbox.c.process)
    .where(inbox.c.lane == bindparam("lane"), inbox.c.state == READY)
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
    head = _HEAD_PROCESS.one(connection, {"lane": lane})
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
    row = head.row
    if row.due_at > rows.to_ms(at):
        return NotBefore(at=rows.from_ms(row.due_at))
    try:
        if row.kind in ("message", "edit", "unreadable"):
            return _customer_turn(connection, head, idle)
        return _internal_turn(connection, row, more=head.more)
    except (msgspec.DecodeError, NoResultFound) as error:
        raise UnreadableRow(row.id, row.attempts, type(error).__name__) from error


def _fetch_head(connection: Connection, lane: str) -> LaneHead | None:
    address = Address.from_lane(lane)
    found = _HEAD.first(connection, {"lane": lane, **rows.address_values(address)})
    return None if found is None else LaneHead(*found[:3], *map(bool, found[3:]))


def _customer_turn(connection: Connection, head: LaneHead, idle: timedelta) -> WorkItem:
    row = head.row
    inbound = _INBOUND.decode(rows.decrypted(connection, "inbox.payload", row.lane, row.payload))
    customer = sender(connection, inbound, head.known)
    conversation: Conversation | None = None
    history: tuple[Message, ...] = ()
    survey: Survey | None = None
    if customer.id:
        conversation = conversation_of(connection, inbound, customer, head.last)
        if conversation is not None:
            history = _history(connection, conversation.id)
            survey = _open_survey(connection, conversation)
            if _is_over(conversation, history, survey, rows.from_ms(row.received_at) - idle):
                conversation, history, survey = None, (), None
    return WorkItem(
        id=row.id,
        lane=row.lane,
        kind=row.kind,
        attempts=row.attempts,
        at=rows.from_ms(row.received_at),
        error=row.error,
        more=head.more,
        inbound=inbound,
        customer=customer,
        conversation=conversation,
        history=history,
        survey=survey,
        opted_out=head.opted_out,
        returning=_is_returning(head, customer, conversation),
    )


def _internal_turn(connection: Connection, row: Row[Any], *, more: bool) -> WorkItem:
    """The turn of an agent's message, a timer or an event."""
    payload = rows.decrypted(connection, "inbox.payload", row.lane, row.payload)
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
        agent_message=_AGENT_MESSAGE.decode(payload) if row.kind == "agent" else None,
        event=None if row.kind == "agent" else _EVENT.decode(payload),
        customer=rows.customer(connection, customer),
        conversation=conversation,
        history=_history(connection, conversation.id),
        survey=_open_survey(connection, conversation),
        opted_out=is_opted_out(connection, conversation.address),
    )


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
        select(*columns, identities.c.opted_out, others.label("others"), more.label("more"))
        .select_from(
            inbox.outerjoin(identities, known)
            .outerjoin(customers, customers.c.id == identities.c.customer_id)
            .outerjoin(conversations, conversations.c.id == last)
        )
        .where(inbox.c.lane == lane, inbox.c.state == READY)
        .order_by(inbox.c.id)
        .limit(1),
        *tables,
    )


_HEAD = _head_query()
