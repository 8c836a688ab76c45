"""Whose a message is: the customer who writes, and the conversation that it belongs to."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Row, bindparam, select

from gateway.adapters.sql import rows
from gateway.adapters.sql.prepared import Prepared
from gateway.adapters.sql.schema import conversations, customers, identities, messages
from gateway.model import Conversation, Customer, Inbound

_CUSTOMER = Prepared(
    select(customers)
    .join(identities, identities.c.customer_id == customers.c.id)
    .where(identities.c.channel == bindparam("channel"), identities.c.value == bindparam("value"))
)
_LAST = Prepared(
    select(conversations)
    .where(conversations.c.lane == bindparam("lane"))
    .order_by(conversations.c.id.desc())
    .limit(1)
)
_BY_REF = Prepared(select(customers).where(customers.c.ref == bindparam("ref")).limit(1))
_BY_ID = select(customers).where(customers.c.id == bindparam("id"))


def find_customer(connection: Connection, inbound: Inbound) -> Customer:
    """As `writer`, where nobody has looked who is known by the address."""
    address = {"channel": inbound.address.channel, "value": inbound.address.value}
    return writer(connection, inbound, _CUSTOMER.one(connection, address))


def writer(connection: Connection, inbound: Inbound, here: Row[Any] | None) -> Customer:
    """Who writes: by a proven reference, else ``here``, who is known by the address; id 0 when it
    is nobody we know.

    An address that was another proven customer's (a shared computer) is no proof of anything;
    an anonymous one that proves who it is becomes known by it.
    """
    if inbound.ref is not None:
        proven = _BY_REF.one(connection, {"ref": inbound.ref})
        if proven is not None:
            return rows.customer(connection, proven)
    if here is None or (inbound.ref is not None and here.ref is not None):
        return Customer(name=inbound.name, language=inbound.language, ref=inbound.ref)
    customer = rows.customer(connection, here)
    return customer if inbound.ref is None else customer.replace(ref=inbound.ref)


def is_with_person(connection: Connection, inbound: Inbound, customer: Customer) -> bool:
    """Whether a person has, or is to get, the conversation that ``inbound`` belongs to."""
    last = _LAST.one(connection, {"lane": inbound.address.lane})
    found = belongs_to(connection, inbound, customer, last)
    return found is not None and found.state in ("waiting", "person")


def belongs_to(
    connection: Connection, inbound: Inbound, customer: Customer, last: Row[Any] | None
) -> Conversation | None:
    """The conversation that ``inbound`` goes on with, ``last`` being the last of its lane.

    A medium with subjects goes by its thread (References) and sender, others by sender.
    """
    if inbound.subject is None and not inbound.thread:
        if last is None or not _may_continue(connection, last, customer):
            return None
        return rows.conversation(connection, last)
    answered = (
        select(conversations)
        .join(messages, messages.c.conversation_id == conversations.c.id)
        .where(messages.c.remote_id.in_(inbound.thread), messages.c.lane == inbound.address.lane)
        .order_by(messages.c.id.desc())
        .limit(1)
    )
    row = connection.execute(answered).one_or_none() if inbound.thread else None
    return rows.conversation(connection, row) if row else None


def _may_continue(connection: Connection, row: Row[Any], customer: Customer) -> bool:
    """It is the customer's own, or was begun here by somebody who had not said who they are."""
    if row.customer_id == customer.id:
        return True
    begun_by = connection.execute(_BY_ID, {"id": row.customer_id}).one()
    return begun_by.ref is None
