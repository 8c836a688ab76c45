"""Addresses that customers give in a conversation, and how they prove them: by the code that we
mail there, or by answering that mail.

Until then the mail is all that goes to the address. It lies in a conversation of its own, which
belongs to whoever has the address; with the proof it becomes part of the history.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, exists, func, select, update

from gateway.adapters.sql import rows
from gateway.adapters.sql.engine.base import SqlDatabase
from gateway.adapters.sql.identities import (
    begin_conversation,
    customer_at,
    customer_of,
    ensure_customer_at,
    is_at,
    is_blocked,
    refused_by,
)
from gateway.adapters.sql.linked.histories import member_at
from gateway.adapters.sql.linked.links import (
    CODE_ATTEMPTS,
    brand_of,
    check_limits,
    join_history,
    link_address,
    store_code,
)
from gateway.adapters.sql.schema import codes, conversations, links, messages
from gateway.adapters.sql.turns.side_effects import enqueue, store_message
from gateway.model import Address, Conversation
from gateway.pipeline.outcomes import BLOCKED
from gateway.ports import NotAccepted
from gateway.store import NamedMail, ProofMail, ProvenAddress

PER_ADDRESS = 2
"""Mails to one address within `WINDOW` that customers may cause, until it is proven."""
PER_CONVERSATION = 3
"""Mails within `WINDOW` that one conversation may cause, to whatever addresses."""
WINDOW = timedelta(days=7)
"""For these limits, and how long an answer to the mail proves the address."""
AGAIN = timedelta(minutes=1)
"""The same address named again within this time is no wish for another mail."""


class SqlNamedAddresses:
    """See `store.NamedAddresses`."""

    def __init__(self, database: SqlDatabase) -> None:
        self._db = database

    async def ask(
        self, conversation: int, address: Address, mail: ProofMail, *, per_hour: int
    ) -> bool:
        return await self._db.write(
            lambda c: _ask(c, conversation, address, mail, per_hour), key=address.lane
        )

    async def by_reply(
        self, address: Address, thread: tuple[str, ...], at: datetime
    ) -> ProvenAddress | None:
        return await self._db.write(lambda c: _by_reply(c, address, thread, at))

    async def mailable(self, address: Address) -> Address | None:
        return await self._db.read(lambda c: _mailable(c, address))

    async def write(self, conversation: int, address: Address, mail: NamedMail) -> None:
        def job(connection: Connection) -> None:
            here = _conversation(connection, conversation)
            there = member_at(connection, here, address)
            if there is None:
                customer = customer_of(connection, conversation)
                at = mail.message.at
                there = _hold(connection, customer, address, at, mail=mail, continues=here.root)
            sent = store_message(connection, mail.message.replace(status="queued"), there)
            enqueue(connection, sent, there, mail.message.at, language=mail.language)

        await self._db.write(job, key=address.lane)

    async def is_pending(self, conversation: int) -> bool:
        chosen = (codes.c.conversation_id == conversation) & codes.c.message_id.is_not(None)
        query = select(exists().where(chosen))
        return bool(await self._db.read(lambda c: c.execute(query).scalar()))


def _ask(
    connection: Connection, conversation: int, address: Address, mail: ProofMail, per_hour: int
) -> bool:
    """Queue the mail; True when the address is the customer's already, so that none is needed."""
    at, customer = mail.message.at, customer_of(connection, conversation)
    here = _conversation(connection, conversation)
    if is_blocked(connection, address):
        raise NotAccepted(BLOCKED)
    if refusal := refused_by(connection, address):
        raise NotAccepted(refusal)
    if customer_at(connection, address) == customer:
        if member_at(connection, here, address) is None:
            _hold(connection, customer, address, at, mail=mail, continues=here.root)
        return True
    if _count(
        connection, at - AGAIN, codes.c.conversation_id == conversation, is_at(codes, address)
    ):
        return False
    check_limits(connection, address, at)
    to_address = _count(connection, at - WINDOW, is_at(codes, address))
    from_here = _count(connection, at - WINDOW, codes.c.conversation_id == conversation)
    altogether = _count(connection, at - timedelta(hours=1))
    if to_address >= PER_ADDRESS or from_here >= PER_CONVERSATION or altogether >= per_hour:
        raise NotAccepted("enough such mails were sent for now")
    brand = brand_of(connection, customer)
    owner = ensure_customer_at(connection, address, at, brand)
    if brand_of(connection, owner) != brand:
        raise NotAccepted("this address belongs to a customer of another brand")
    there = _hold(connection, owner, address, at, mail=mail)
    sent = store_message(connection, mail.message.replace(status="queued"), there)
    enqueue(connection, sent, there, at, language=mail.language)
    store_code(connection, conversation, address, mail.digest, mail.expires, message=sent)
    return False


def _hold(
    connection: Connection,
    customer: int,
    address: Address,
    at: datetime,
    *,
    mail: NamedMail,
    continues: int | None = None,
) -> Conversation:
    """A resolved conversation at ``address``, in which the answer will be given."""
    return begin_conversation(
        connection,
        customer,
        address,
        at,
        state="resolved",
        resolved_at=rows.to_ms(at),
        brand=brand_of(connection, customer),
        language=mail.language,
        subject=rows.encrypted(connection, "conversations.subject", address.lane, mail.subject),
        continues=continues,
    )


def _mailable(connection: Connection, address: Address) -> Address | None:
    customer = customer_at(connection, address)
    proven = (
        select(links)
        .where(
            links.c.customer_id == customer,
            links.c.channel == "email",
            links.c.how.in_(("code", "reply")),
            links.c.undone_at.is_(None),
        )
        .order_by(links.c.id.desc())
    )
    for row in connection.execute(proven).all():
        known = rows.address(row)
        if customer_at(connection, known) != customer or is_blocked(connection, known):
            continue
        if not refused_by(connection, known):
            return known
    return None


def _count(connection: Connection, since: datetime, *conditions: Any) -> int:
    asked = select(func.count()).where(
        codes.c.message_id.is_not(None), codes.c.sent_at > rows.to_ms(since), *conditions
    )
    return connection.execute(asked).scalar() or 0


def _by_reply(
    connection: Connection, address: Address, thread: tuple[str, ...], at: datetime
) -> ProvenAddress | None:
    ours = select(messages.c.id).where(
        messages.c.remote_id.in_(thread), messages.c.lane == address.lane
    )
    row = connection.execute(
        select(codes)
        .where(codes.c.message_id.in_(ours), is_at(codes, address))
        .order_by(codes.c.id.desc())
        .limit(1)
        .with_for_update()
    ).one_or_none()
    if row is None:
        return None
    customer = customer_of(connection, row.conversation_id)
    if customer_at(connection, address) != customer:
        if row.tries >= CODE_ATTEMPTS or row.sent_at < rows.to_ms(at - WINDOW):
            return None
        consumed = update(codes).where(codes.c.id == row.id).values(tries=CODE_ATTEMPTS)
        connection.execute(consumed)
        link_address(connection, customer, address, at, how="reply", agent=None)
        join_history(connection, row)
    return ProvenAddress(address=address, conversation=row.conversation_id, asked=True)


def unproven_holders(connection: Connection, conversation_ids: list[int]) -> list[Row[Any]]:
    """The conversations (``id``, ``customer_id``) at addresses that these conversations named and
    that nobody has proven: they hold our mail alone."""
    asked = select(messages.c.conversation_id).join(codes, codes.c.message_id == messages.c.id)
    asked = asked.where(codes.c.conversation_id.in_(conversation_ids))
    theirs = exists().where(
        messages.c.conversation_id == conversations.c.id,
        messages.c.author.in_(("customer", "agent")),
    )
    query = select(conversations.c.id, conversations.c.customer_id).where(
        conversations.c.id.in_(asked), conversations.c.continues.is_(None), ~theirs
    )
    return list(connection.execute(query))


def _conversation(connection: Connection, id: int) -> Conversation:
    chosen = select(conversations).where(conversations.c.id == id)
    return rows.conversation(connection, connection.execute(chosen).one())
