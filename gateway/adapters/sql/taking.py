"""Taking the head of a lane: the row, the customer, the conversation it belongs to."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import msgspec
from sqlalchemy import Connection, Row, bindparam, select
from sqlalchemy.exc import NoResultFound

from gateway.adapters.sql import rows
from gateway.adapters.sql.consent import is_out
from gateway.adapters.sql.head import Head, head_of
from gateway.adapters.sql.prepared import Prepared
from gateway.adapters.sql.schema import conversations, customers, messages, surveys
from gateway.adapters.sql.whose import belongs_to, writer
from gateway.model import Conversation, Customer, Inbound, Message, Survey
from gateway.store import AgentMessage, ConversationEvent, NotBefore, UnreadableRow, WorkItem

HISTORY = 40

_BY_ID = select(customers).where(customers.c.id == bindparam("id"))
_CONVERSATION = select(conversations).where(conversations.c.id == bindparam("id"))
_HISTORY = Prepared(
    select(messages)
    .where(messages.c.conversation_id == bindparam("id"))
    .order_by(messages.c.id.desc())
    .limit(HISTORY)
)
_SURVEY = (
    select(surveys)
    .where(surveys.c.conversation_id == bindparam("id"), surveys.c.answered_at.is_(None))
    .limit(1)
)
_INBOUND = msgspec.json.Decoder(Inbound)
_SAID = msgspec.json.Decoder(AgentMessage)
_HAPPENED = msgspec.json.Decoder(ConversationEvent)


def take(
    connection: Connection, lane: str, at: datetime, idle: timedelta
) -> WorkItem | NotBefore | None:
    """The oldest unhandled row of ``lane`` with all that its turn needs. Raises Unreadable."""
    head = head_of(connection, lane)
    if head is None:
        return None
    row = head.row
    if row.due_at > rows.ms(at):
        return NotBefore(at=rows.when(row.due_at))
    try:
        if row.kind in ("message", "edit", "unreadable"):
            return _from_customer(connection, head, idle)
        return _from_house(connection, row, more=head.more)
    except (msgspec.DecodeError, NoResultFound) as error:
        raise UnreadableRow(row.id, row.attempts, type(error).__name__) from error


def _from_customer(connection: Connection, head: Head, idle: timedelta) -> WorkItem:
    row = head.row
    inbound = _INBOUND.decode(rows.opened(connection, "inbox.payload", row.lane, row.payload))
    customer = writer(connection, inbound, head.here)
    conversation: Conversation | None = None
    history: tuple[Message, ...] = ()
    survey: Survey | None = None
    if customer.id:
        conversation = belongs_to(connection, inbound, customer, head.last)
        if conversation is not None:
            history = _history(connection, conversation.id)
            survey = _survey(connection, conversation)
            if _is_over(conversation, history, survey, rows.when(row.received_at) - idle):
                conversation, history, survey = None, (), None
    return WorkItem(
        id=row.id,
        lane=row.lane,
        kind=row.kind,
        attempts=row.attempts,
        at=rows.when(row.received_at),
        error=row.error,
        more=head.more,
        inbound=inbound,
        customer=customer,
        conversation=conversation,
        history=history,
        survey=survey,
        opted_out=head.silenced,
        returning=_is_returning(head, customer, conversation),
    )


def _is_returning(head: Head, customer: Customer, conversation: Conversation | None) -> bool:
    """False when this is certainly the customer's first conversation."""
    if not customer.id:
        return False
    if head.here is None or head.here.id != customer.id or conversation is None:
        return True
    return head.others or conversation.id != head.last.id


def _from_house(connection: Connection, row: Row[Any], *, more: bool) -> WorkItem:
    payload = rows.opened(connection, "inbox.payload", row.lane, row.payload)
    found = connection.execute(_CONVERSATION, {"id": row.conversation_id}).one()
    customer = connection.execute(_BY_ID, {"id": found.customer_id}).one()
    conversation = rows.conversation(connection, found)
    return WorkItem(
        id=row.id,
        lane=row.lane,
        kind=row.kind,
        attempts=row.attempts,
        at=rows.when(row.received_at),
        error=row.error,
        more=more,
        said=_SAID.decode(payload) if row.kind == "agent" else None,
        happened=None if row.kind == "agent" else _HAPPENED.decode(payload),
        customer=rows.customer(connection, customer),
        conversation=conversation,
        history=_history(connection, conversation.id),
        survey=_survey(connection, conversation),
        opted_out=is_out(connection, conversation.address),
    )


def _is_over(
    conversation: Conversation, history: tuple[Message, ...], survey: Survey | None, idle: datetime
) -> bool:
    """Resolved with no question open, or left with the bot so long that this is a new matter."""
    if conversation.state == "resolved":
        return survey is None
    last = history[-1].at if history else conversation.opened_at
    return conversation.state == "bot" and last < idle


def _history(connection: Connection, conversation: int) -> tuple[Message, ...]:
    found = _HISTORY.all(connection, {"id": conversation})
    return tuple(rows.message(connection, row) for row in reversed(found))


def _survey(connection: Connection, conversation: Conversation) -> Survey | None:
    if conversation.state != "resolved":
        return None
    row = connection.execute(_SURVEY, {"id": conversation.id}).one_or_none()
    return rows.survey(connection, row) if row else None
