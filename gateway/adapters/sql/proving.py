"""Proof that an address is a customer's: a code is sent there, and told here."""

from __future__ import annotations

import hmac
from datetime import datetime, timedelta

from sqlalchemy import Connection, delete, func, insert, select, update

from gateway.adapters.sql import consent, rows
from gateway.adapters.sql.addresses import begin, known, owner
from gateway.adapters.sql.linking import link
from gateway.adapters.sql.schema import codes, conversations
from gateway.adapters.sql.speaking import post, store
from gateway.model import Address, Conversation, Message
from gateway.ports import NotAccepted

TRIES = 5
"""Wrong codes, then a new one is needed: one in 200,000 is guessed."""
PER_HOUR = 3
"""Codes to one address: nobody is made to send a stranger heaps of them."""


def send_code(
    connection: Connection,
    conversation: int,
    address: Address,
    digest: str,
    *,
    message: Message,
    expires: datetime,
    mailbox: bool,
) -> None:
    """Put ``message`` into the last conversation at ``address``, as `store.Links.send_code`."""
    _hold_back(connection, address, message.at)
    mine = codes.c.conversation_id == conversation
    connection.execute(update(codes).where(mine).values(tries=TRIES))
    connection.execute(
        insert(codes),
        {
            "conversation_id": conversation,
            "channel": address.channel,
            "value": address.value,
            "digest": digest,
            "expires_at": rows.ms(expires),
            "tries": 0,
        },
    )
    there = _somewhere(connection, address, message.at)
    sent = store(connection, message.replace(status="sent" if mailbox else "queued"), there)
    if not mailbox:
        post(connection, sent, there, message.at)


def redeem(connection: Connection, conversation: int, digest: str, at: datetime) -> Address | None:
    """See `store.Links.redeem`; every wrong code is one of `TRIES`."""
    row = connection.execute(
        select(codes)
        .where(
            codes.c.conversation_id == conversation,
            codes.c.tries < TRIES,
            codes.c.expires_at > rows.ms(at),
        )
        .order_by(codes.c.id.desc())
        .limit(1)
        .with_for_update()  # every wrong one counts, also of two at once
    ).one_or_none()
    if row is None:
        return None
    right = hmac.compare_digest(row.digest, digest)
    tries = TRIES if right else row.tries + 1
    connection.execute(update(codes).where(codes.c.id == row.id).values(tries=tries))
    if not right:
        return None
    address = Address(channel=row.channel, value=row.value)
    customer = owner(connection, conversation)
    if known(connection, address, at) != customer:
        link(connection, customer, address, at, how="code", agent=None)
    return address


def _hold_back(connection: Connection, address: Address, at: datetime) -> None:
    if consent.is_out(connection, address):
        raise NotAccepted(consent.WHY)
    hour = rows.ms(at - timedelta(hours=1))
    connection.execute(delete(codes).where(codes.c.expires_at < hour))
    sent = select(func.count()).where(
        codes.c.channel == address.channel, codes.c.value == address.value
    )
    if (connection.execute(sent).scalar() or 0) >= PER_HOUR:
        raise NotAccepted("enough codes were sent to this address for now; try in an hour")


def _somewhere(connection: Connection, address: Address, at: datetime) -> Conversation:
    """The last conversation at ``address``, or a closed one to put a code into."""
    last = connection.execute(
        select(conversations)
        .where(conversations.c.lane == address.lane)
        .order_by(conversations.c.id.desc())
        .limit(1)
    ).one_or_none()
    if last is not None:
        return rows.conversation(connection, last)
    customer = known(connection, address, at)
    return begin(connection, customer, address, at, state="resolved", resolved_at=rows.ms(at))
