"""Whose an address is, and whose it becomes."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, exists, insert, select, update

from gateway.adapters.sql import rows
from gateway.adapters.sql.schema import conversations, customers, identities, links
from gateway.model import Address, Conversation
from gateway.ports import NotFound


def owner(connection: Connection, conversation: int) -> int:
    """The customer of ``conversation``. Raises NotFound."""
    found = connection.execute(
        select(conversations.c.customer_id).where(conversations.c.id == conversation)
    ).scalar()
    if found is None:
        raise NotFound(f"there is no conversation {conversation}")
    return int(found)


def identity(connection: Connection, address: Address) -> Any:
    """The row of ``address``; None when nobody is known by it."""
    return connection.execute(
        select(identities).where(
            identities.c.channel == address.channel, identities.c.value == address.value
        )
    ).one_or_none()


def known(connection: Connection, address: Address, at: datetime) -> int:
    """Whose address it is; a new customer's when nobody wrote from it yet."""
    row = identity(connection, address)
    if row is not None:
        return int(row.customer_id)
    new = insert(customers).returning(customers.c.id)
    id: int = connection.execute(new, {"opted_out": False, "created_at": rows.ms(at)}).scalar_one()
    connection.execute(
        insert(identities),
        {"customer_id": id, "channel": address.channel, "value": address.value},
    )
    return id


def move(connection: Connection, address: Address, customer: int) -> None:
    """The address is ``customer``'s from now on, and what was said there."""
    connection.execute(
        update(identities)
        .where(identities.c.channel == address.channel, identities.c.value == address.value)
        .values(customer_id=customer)
    )
    connection.execute(
        update(conversations)
        .where(conversations.c.lane == address.lane)
        .values(customer_id=customer)
    )


def forget_empty(connection: Connection, customer: int) -> None:
    """Delete a customer of whom nothing is left: every address and conversation has become
    somebody else's, and no link can be taken back to them."""
    mine = customers.c.id == customer
    connection.execute(
        delete(customers).where(
            mine,
            ~exists().where(identities.c.customer_id == customer),
            ~exists().where(conversations.c.customer_id == customer),
            ~exists().where(links.c.before_id == customer, links.c.undone_at.is_(None)),
        )
    )


def begin(
    connection: Connection, customer: int, address: Address, at: datetime, **more: Any
) -> Conversation:
    """A new conversation at ``address``, with ``more`` columns set."""
    values = {
        "customer_id": customer,
        "channel": address.channel,
        "address": address.value,
        "lane": address.lane,
        "epoch": 0,
        "tier": "bot",
        "mood": "calm",
        "opened_at": rows.ms(at),
        **more,
    }
    id = connection.execute(
        insert(conversations).returning(conversations.c.id), values
    ).scalar_one()
    row = connection.execute(select(conversations).where(conversations.c.id == id)).one()
    return rows.conversation(connection, row)
