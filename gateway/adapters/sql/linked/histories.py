"""One history over several conversations: a chat that goes on by mail.

The later conversations name the first one (``continues``). They are one history while they belong
to one customer: taking a link back parts them.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import Connection, exists, or_, select

from gateway.adapters.sql import rows
from gateway.adapters.sql.identities import (
    customer_at,
    customer_of,
    is_blocked,
    refused_by,
)
from gateway.adapters.sql.schema import conversations, messages
from gateway.model import Address, Conversation

STILL_THERE = timedelta(minutes=15)
"""Whoever wrote in the chat within this time most likely still reads it: the answer goes there.
Ours: about the longest pause after which people still expect a chat to go on."""


def history_of(connection: Connection, conversation: Conversation) -> tuple[Conversation, ...]:
    """All conversations of the history of ``conversation``, oldest first; itself among them."""
    root, customer = conversation.root, customer_of(connection, conversation.id)
    found = connection.execute(
        select(conversations)
        .where(
            or_(conversations.c.id == root, conversations.c.continues == root),
            conversations.c.customer_id == customer,
        )
        .order_by(conversations.c.id)
    )
    members = tuple(rows.conversation(connection, row) for row in found)
    return members if any(each.id == conversation.id for each in members) else (conversation,)


def answer_address(
    connection: Connection, conversation: Conversation, at: datetime
) -> Address | None:
    """Where an answer in ``conversation`` goes: the address at which its history goes on, unless
    the customer still writes here, or nothing may be sent there. None: its own address."""
    lane = conversation.address.lane
    known = history_of(connection, conversation)
    others = [each for each in known if each.continues and each.address.lane != lane]
    if not others or conversation.address.lane != known[0].address.lane:
        return None
    address = others[-1].address
    if customer_at(connection, address) != customer_of(connection, conversation.id):
        return None
    if is_blocked(connection, address) or refused_by(connection, address):
        return None
    here = exists().where(
        messages.c.lane == lane,
        messages.c.author == "customer",
        messages.c.internal.is_(False),
        messages.c.at > rows.to_ms(at - STILL_THERE),
    )
    return None if connection.execute(select(here)).scalar() else address


def open_elsewhere(connection: Connection, conversation: Conversation) -> Conversation | None:
    """The newest conversation of the history that a person has, or will get, at another address."""
    for each in reversed(history_of(connection, conversation)):
        elsewhere = each.address.lane != conversation.address.lane
        if elsewhere and each.state in ("waiting", "person"):
            return each
    return None


def member_at(
    connection: Connection, conversation: Conversation, address: Address
) -> Conversation | None:
    """The newest conversation of the history at ``address``."""
    at_address = [e for e in history_of(connection, conversation) if e.address == address]
    return at_address[-1] if at_address else None
