"""Whose words a conversation holds besides its own customer's: an agent forwarded them, or somebody
sent us a forwarded mail.

Rows name addresses and not customers: a customer and their conversations may be deleted before the
copy of their words is, and must be found by the address all the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sqlalchemy import ColumnElement, Connection, insert, select, tuple_

from gateway.adapters.sql.identities import customer_of
from gateway.adapters.sql.schema import conversations, forwarded_words, identities, messages
from gateway.model import Address, Conversation, Inbound

MOST = 50
"""Addresses named by one mail; a longer list is no forward."""
Names = Iterable[tuple[str, str]]
"""Channels and addresses there. Which of our addresses was written to does not matter: the words
are the same person's."""


def record_forward(connection: Connection, there: Conversation, original: int) -> None:
    """``there`` passes on the conversation ``original``, and what that held of others."""
    _record(connection, there, _named_by(connection, [original]))


def record_forwarded_mail(connection: Connection, there: Conversation, inbound: Inbound) -> None:
    """The same for the mail ``inbound`` that began ``there``. A forward further down is its
    sender's: their own conversation is not erased for it."""
    if inbound.forwards is None:
        return
    channel = inbound.address.channel
    ids = [*inbound.thread, *([inbound.remote_id] if inbound.remote_id else [])]
    passed_on = select(messages.c.conversation_id).where(
        messages.c.remote_id.in_(ids),
        messages.c.conversation_id != there.id,
        messages.c.lane.startswith(channel, autoescape=True),
    )
    found = list(connection.execute(passed_on.distinct().limit(MOST)).scalars())
    authors = [(channel, author) for author in inbound.forwards[:MOST]]
    _record(connection, there, [*_named_by(connection, found), *authors])


def holding_words_of(connection: Connection, addresses: Sequence[Address]) -> list[int]:
    """The conversations that hold words of ``addresses`` besides their own."""
    chosen = select(forwarded_words.c.conversation_id).where(names(addresses))
    return list(connection.execute(chosen.distinct()).scalars())


def names(addresses: Sequence[Address]) -> ColumnElement[bool]:
    """The condition for the rows that name one of ``addresses``."""
    keys = [(address.channel, address.value) for address in addresses]
    return tuple_(forwarded_words.c.channel, forwarded_words.c.value).in_(keys)


def _named_by(connection: Connection, originals: Sequence[int]) -> list[tuple[str, str]]:
    """All addresses of the customers of these conversations, and those whose words they hold."""
    if not originals:
        return []
    own = select(conversations.c.channel, conversations.c.address).where(
        conversations.c.id.in_(originals)
    )
    customers = {customer_of(connection, id) for id in originals}
    known = select(identities.c.channel, identities.c.value).where(
        identities.c.customer_id.in_(customers)
    )
    held = select(forwarded_words.c.channel, forwarded_words.c.value).where(
        forwarded_words.c.conversation_id.in_(originals)
    )
    return [(row[0], row[1]) for query in (own, known, held) for row in connection.execute(query)]


def _record(connection: Connection, there: Conversation, named: Names) -> None:
    own = there.address.channel, there.address.value
    known = select(forwarded_words.c.channel, forwarded_words.c.value).where(
        forwarded_words.c.conversation_id == there.id
    )
    before = {(row[0], row[1]) for row in connection.execute(known)} | {own}
    new = [
        {"conversation_id": there.id, "channel": channel, "value": value}
        for channel, value in dict.fromkeys(named)
        if (channel, value) not in before
    ]
    if new:
        connection.execute(insert(forwarded_words), new)
