"""Taking the head of a lane: the row, the customer, the conversation it belongs to."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import msgspec
from sqlalchemy import Connection, Row, String, bindparam, exists, literal_column, select
from sqlalchemy.exc import NoResultFound

from gateway.adapters.sql import rows
from gateway.adapters.sql.consent import is_out
from gateway.adapters.sql.prepared import Prepared
from gateway.adapters.sql.schema import (
    conversations,
    customers,
    identities,
    inbox,
    messages,
    surveys,
)
from gateway.model import Conversation, Customer, Inbound, Message, Survey
from gateway.store import AgentSaid, Happened, Later, Unreadable, Work

HISTORY = 40

# The state stands in the text of the statement: SQLite looks at a partial index only when it can
# prove the condition, and of a bound value it must prove it anew each time.
READY = literal_column("'ready'", String)
_HEAD = Prepared(
    select(inbox)
    .where(inbox.c.lane == bindparam("lane"), inbox.c.state == READY)
    .order_by(inbox.c.id)
    .limit(2)
)
_CUSTOMER = Prepared(
    select(customers, identities.c.opted_out.label("silenced"))
    .join(identities, identities.c.customer_id == customers.c.id)
    .where(identities.c.channel == bindparam("channel"), identities.c.value == bindparam("value"))
)
_BY_REF = Prepared(select(customers).where(customers.c.ref == bindparam("ref")).limit(1))
_BY_ID = select(customers).where(customers.c.id == bindparam("id"))
_OTHER = conversations.alias("other")
_LAST = Prepared(
    select(
        conversations,
        exists()
        .where(_OTHER.c.customer_id == bindparam("customer"), _OTHER.c.id != conversations.c.id)
        .label("others"),
    )
    .where(conversations.c.lane == bindparam("lane"))
    .order_by(conversations.c.id.desc())
    .limit(1)
)
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
_SAID = msgspec.json.Decoder(AgentSaid)
_HAPPENED = msgspec.json.Decoder(Happened)


def take(connection: Connection, lane: str, at: datetime, idle: timedelta) -> Work | Later | None:
    """The oldest unhandled row of ``lane`` with all that its turn needs. Raises Unreadable."""
    waiting = _HEAD.all(connection, {"lane": lane})
    if not waiting:
        return None
    row, more = waiting[0], len(waiting) > 1
    if row.due_at > rows.ms(at):
        return Later(at=rows.when(row.due_at))
    try:
        if row.kind in ("message", "edit", "unreadable"):
            return _from_customer(connection, row, idle, more=more)
        return _from_house(connection, row, more=more)
    except (msgspec.DecodeError, NoResultFound) as error:
        raise Unreadable(row.id, row.attempts, type(error).__name__) from error


def _from_customer(connection: Connection, row: Row[Any], idle: timedelta, *, more: bool) -> Work:
    inbound = _INBOUND.decode(rows.opened(connection, "inbox.payload", row.lane, row.payload))
    customer, silenced = _known(connection, inbound)
    conversation: Conversation | None = None
    history: tuple[Message, ...] = ()
    survey: Survey | None = None
    returning = False
    if customer.id:
        conversation, returning = _conversation(connection, row.lane, inbound, customer)
        if conversation is not None:
            history = _history(connection, conversation.id)
            survey = _survey(connection, conversation)
            if _is_over(conversation, history, survey, rows.when(row.received_at) - idle):
                conversation, history, survey, returning = None, (), None, True
    return Work(
        id=row.id,
        lane=row.lane,
        kind=row.kind,
        attempts=row.attempts,
        at=rows.when(row.received_at),
        error=row.error,
        more=more,
        inbound=inbound,
        customer=customer,
        conversation=conversation,
        history=history,
        survey=survey,
        opted_out=silenced,
        returning=returning,
    )


def _from_house(connection: Connection, row: Row[Any], *, more: bool) -> Work:
    payload = rows.opened(connection, "inbox.payload", row.lane, row.payload)
    found = connection.execute(_CONVERSATION, {"id": row.conversation_id}).one()
    customer = connection.execute(_BY_ID, {"id": found.customer_id}).one()
    conversation = rows.conversation(connection, found)
    return Work(
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


def find_customer(connection: Connection, inbound: Inbound) -> Customer:
    """Who writes: by a proven reference, else by address; id 0 when nobody we know.

    An address that was another proven customer's (a shared computer) is no proof of anything;
    an anonymous one that proves who it is becomes known by it.
    """
    return _known(connection, inbound)[0]


def _known(connection: Connection, inbound: Inbound) -> tuple[Customer, bool]:
    """Who writes, and whether they asked for no more messages at this address."""
    address = {"channel": inbound.address.channel, "value": inbound.address.value}
    row = _CUSTOMER.one(connection, address)
    silenced = row is not None and bool(row.silenced)
    if inbound.ref is not None:
        proven = _BY_REF.one(connection, {"ref": inbound.ref})
        if proven is not None:
            return rows.customer(connection, proven), silenced
    if row is None or (inbound.ref is not None and row.ref is not None):
        return Customer(name=inbound.name, language=inbound.language, ref=inbound.ref), silenced
    customer = rows.customer(connection, row)
    return customer if inbound.ref is None else customer.replace(ref=inbound.ref), silenced


def is_with_person(connection: Connection, inbound: Inbound, customer: Customer) -> bool:
    """Whether a person has, or is to get, the conversation that ``inbound`` belongs to."""
    found, _ = _conversation(connection, inbound.address.lane, inbound, customer)
    return found is not None and found.state in ("waiting", "person")


def _conversation(
    connection: Connection, lane: str, inbound: Inbound, customer: Customer
) -> tuple[Conversation | None, bool]:
    """A medium with subjects goes by its thread (References) and sender, others by sender. And
    whether the customer may have others besides it."""
    if inbound.subject is None and not inbound.thread:
        row = _LAST.one(connection, {"lane": lane, "customer": customer.id})
        if row is None or not _may_continue(connection, row, customer):
            return None, True
        return rows.conversation(connection, row), bool(row.others)
    answered = (
        select(conversations)
        .join(messages, messages.c.conversation_id == conversations.c.id)
        .where(messages.c.remote_id.in_(inbound.thread), messages.c.lane == lane)
        .order_by(messages.c.id.desc())
        .limit(1)
    )
    row = connection.execute(answered).one_or_none() if inbound.thread else None
    thread = rows.conversation(connection, row) if row else None
    return thread, True


def _may_continue(connection: Connection, row: Row[Any], customer: Customer) -> bool:
    """It is the customer's own, or was begun here by somebody who had not said who they are."""
    if row.customer_id == customer.id:
        return True
    begun_by = connection.execute(_BY_ID, {"id": row.customer_id}).one()
    return begun_by.ref is None


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
