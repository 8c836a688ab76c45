"""Addresses of one customer: linked by an agent or by a code, unlinked, and used to continue a
conversation elsewhere."""

from __future__ import annotations

import hmac
from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, and_, delete, exists, func, insert, select, update

from gateway.adapters.sql import rows
from gateway.adapters.sql.engine.base import SqlDatabase
from gateway.adapters.sql.handoffs import add_notice, claim_handoff
from gateway.adapters.sql.identities import (
    begin_conversation,
    customer_at,
    customer_of,
    ensure_customer_at,
    is_at,
    is_blocked,
    is_opted_out,
    move_address,
)
from gateway.adapters.sql.linked import histories
from gateway.adapters.sql.schema import (
    codes,
    conversations,
    customers,
    identities,
    links,
    messages,
)
from gateway.adapters.sql.turns.side_effects import (
    enqueue,
    newest_open_handoff,
    open_handoff,
    store_message,
)
from gateway.model import Address, Agent, Conversation, LinkedAddress, Message
from gateway.pipeline.outcomes import BLOCKED, OPTED_OUT
from gateway.ports import Conflict, NotAccepted, NotFound
from gateway.store import HandoffRequest, ProvenAddress

CODE_ATTEMPTS = 5
"""Wrong codes before a new one is needed: a guess succeeds once in 200,000."""
CODES_PER_HOUR = 3
"""Codes sent to one address, so that nobody can flood a stranger with them."""

_IN_FORCE = and_(
    links.c.undone_at.is_(None),
    exists().where(
        identities.c.channel == links.c.channel,
        identities.c.value == links.c.value,
        identities.c.support_address == links.c.support_address,
        identities.c.customer_id == links.c.customer_id,
    ),
)
"""The link is neither undone nor replaced by a later link of the address to another customer."""


class SqlLinks:
    """See `store.Links`."""

    def __init__(self, database: SqlDatabase) -> None:
        self._db = database

    async def link(
        self, conversation: int, address: Address, at: datetime, *, how: str, agent: Agent | None
    ) -> int:
        def job(connection: Connection) -> int:
            customer = customer_of(connection, conversation)
            return link_address(connection, customer, address, at, how=how, agent=agent)

        return await self._db.write(job)

    async def unlink(self, link: int, at: datetime) -> None:
        await self._db.write(lambda c: _unlink(c, link, at))

    async def linked_addresses(self, conversation: int) -> tuple[LinkedAddress, ...]:
        def job(connection: Connection) -> tuple[LinkedAddress, ...]:
            customer = customer_of(connection, conversation)
            return links_of(connection, (customer,)).get(customer, ())

        return await self._db.read(job, long=True)

    async def send_code(
        self,
        conversation: int,
        address: Address,
        digest: str,
        message: Message,
        expires: datetime,
        *,
        mailbox: bool,
    ) -> None:
        def job(connection: Connection) -> None:
            check_limits(connection, address, message.at)
            store_code(connection, conversation, address, digest, expires)
            brand = brand_of(connection, customer_of(connection, conversation))
            there = _conversation_for_code(connection, address, message.at, brand)
            status = "sent" if mailbox else "queued"
            sent = store_message(connection, message.replace(status=status), there)
            if not mailbox:
                enqueue(connection, sent, there, message.at)

        await self._db.write(job, key=address.lane)

    async def redeem(self, conversation: int, digest: str, at: datetime) -> ProvenAddress | None:
        return await self._db.write(lambda c: _redeem(c, conversation, digest, at))

    async def continue_at(
        self, conversation: int, address: Address, agent: Agent, at: datetime
    ) -> Conversation:
        return await self._db.write(
            lambda c: _continue_at(c, conversation, address, agent, at), key=address.lane
        )

    async def answer_address(self, conversation: int, at: datetime) -> Address | None:
        return await self._db.read(
            lambda c: histories.answer_address(c, _conversation(c, conversation), at), long=True
        )

    async def open_elsewhere(self, conversation: int) -> Conversation | None:
        return await self._db.read(
            lambda c: histories.open_elsewhere(c, _conversation(c, conversation)), long=True
        )


def link_address(
    connection: Connection,
    customer: int,
    address: Address,
    at: datetime,
    *,
    how: str,
    agent: Agent | None,
) -> int:
    """Give ``address`` and its conversations to ``customer``; return the link's id. An opt-out from
    follow-ups at one address then counts for all."""
    brand = brand_of(connection, customer)
    before = ensure_customer_at(connection, address, at, brand)
    if before == customer:
        raise NotAccepted("this address already belongs to the customer")
    if brand_of(connection, before) != brand:
        raise NotAccepted("this address belongs to a customer of another brand")
    move_address(connection, address, customer)
    opted_out = select(customers.c.opted_out).where(customers.c.id == before)
    if connection.execute(opted_out).scalar():
        chosen = update(customers).where(customers.c.id == customer)
        connection.execute(chosen.values(opted_out=True))
    id: int = connection.execute(
        insert(links).returning(links.c.id),
        {
            "customer_id": customer,
            "before_id": before,
            **rows.address_values(address),
            "how": how,
            "agent": rows.to_json(agent) if agent else None,
            "at": rows.to_ms(at),
        },
    ).scalar_one()
    return id


def brand_of(connection: Connection, customer: int) -> str:
    chosen = select(customers.c.brand).where(customers.c.id == customer)
    return str(connection.execute(chosen).scalar_one())


def _unlink(connection: Connection, link: int, at: datetime) -> None:
    """Give the address and its conversations back to the customer it had before ``link``."""
    chosen = links.c.id == link
    row = connection.execute(select(links).where(chosen, _IN_FORCE).with_for_update()).one_or_none()
    if row is None:
        raise NotFound(f"there is no link {link}")
    before = select(customers.c.id).where(customers.c.id == row.before_id)
    if connection.execute(before).scalar() is None:
        raise NotFound("the customer who had this address before has been erased")
    move_address(connection, rows.address(row), row.before_id)
    connection.execute(update(links).where(chosen).values(undone_at=rows.to_ms(at)))


def links_of(
    connection: Connection, people: Collection[int]
) -> dict[int, tuple[LinkedAddress, ...]]:
    """The links in force of each customer who has any, the oldest first."""
    chosen = select(links).where(links.c.customer_id.in_(people), _IN_FORCE).order_by(links.c.id)
    found: dict[int, tuple[LinkedAddress, ...]] = {}
    for row in connection.execute(chosen):
        link = LinkedAddress(
            id=row.id,
            address=rows.address(row),
            how=row.how,
            agent=rows.maybe_agent(row.agent),
            at=rows.from_ms(row.at),
        )
        found[row.customer_id] = (*found.get(row.customer_id, ()), link)
    return found


def check_limits(connection: Connection, address: Address, at: datetime) -> None:
    if is_opted_out(connection, address):
        raise NotAccepted(OPTED_OUT)
    if is_blocked(connection, address):
        raise NotAccepted(BLOCKED)
    hour = rows.to_ms(at - timedelta(hours=1))
    # Those that customers asked for stay as long as their conversation: see `named.WINDOW`.
    old = codes.c.expires_at < hour
    connection.execute(delete(codes).where(old, codes.c.message_id.is_(None)))
    sent = select(func.count()).where(is_at(codes, address), ~old)
    if (connection.execute(sent).scalar() or 0) >= CODES_PER_HOUR:
        raise NotAccepted("enough codes were sent to this address for now; try in an hour")


def store_code(
    connection: Connection,
    conversation: int,
    address: Address,
    digest: str,
    expires: datetime,
    *,
    message: Message | None = None,
) -> None:
    """Store a new code; earlier codes of the conversation become void. ``message`` is the one with
    the code, if the customer asked for it."""
    earlier = update(codes).where(codes.c.conversation_id == conversation)
    connection.execute(earlier.values(tries=CODE_ATTEMPTS))
    connection.execute(
        insert(codes),
        {
            "conversation_id": conversation,
            **rows.address_values(address),
            "digest": digest,
            "expires_at": rows.to_ms(expires),
            "tries": 0,
            "message_id": message.id if message else None,
            "sent_at": rows.to_ms(message.at) if message else 0,
        },
    )


def _conversation_for_code(
    connection: Connection, address: Address, at: datetime, brand: str
) -> Conversation:
    """The last conversation at ``address``, or a new resolved one to hold the code."""
    last = last_conversation(connection, address)
    if last is not None:
        return last
    customer = ensure_customer_at(connection, address, at, brand)
    resolved = {"state": "resolved", "resolved_at": rows.to_ms(at), "brand": brand}
    return begin_conversation(connection, customer, address, at, **resolved)


def _redeem(
    connection: Connection, conversation: int, digest: str, at: datetime
) -> ProvenAddress | None:
    """Each wrong code counts against `CODE_ATTEMPTS`."""
    row = connection.execute(
        select(codes)
        .where(
            codes.c.conversation_id == conversation,
            codes.c.tries < CODE_ATTEMPTS,
            codes.c.expires_at > rows.to_ms(at),
        )
        .order_by(codes.c.id.desc())
        .limit(1)
        .with_for_update()  # of two wrong codes at once, each counts
    ).one_or_none()
    if row is None:
        return None
    is_right = hmac.compare_digest(row.digest, digest)
    attempts = CODE_ATTEMPTS if is_right else row.tries + 1
    connection.execute(update(codes).where(codes.c.id == row.id).values(tries=attempts))
    if not is_right:
        return None
    address = rows.address(row)
    customer = customer_of(connection, conversation)
    if customer_at(connection, address) != customer:
        link_address(connection, customer, address, at, how="code", agent=None)
    asked = row.message_id is not None
    if asked:
        join_history(connection, row)
    return ProvenAddress(address=address, conversation=conversation, asked=asked)


def join_history(connection: Connection, row: Row[Any]) -> None:
    """Make the conversation with the mail of the code ``row`` part of the history in which the
    customer gave the address."""
    here = _conversation(connection, row.conversation_id)
    holder = select(messages.c.conversation_id).where(messages.c.id == row.message_id)
    joined = update(conversations).where(conversations.c.id.in_(holder))
    connection.execute(joined.values(continues=here.root))


def _continue_at(
    connection: Connection, conversation: int, address: Address, agent: Agent, at: datetime
) -> Conversation:
    """The agent's conversation at ``address``; both conversations get a line about it."""
    customer = customer_of(connection, conversation)
    if customer_at(connection, address) != customer:
        raise NotAccepted(f"{address.lane} is not linked to this customer")
    here = _conversation(connection, conversation)
    there = histories.member_at(connection, here, address)
    there = there or last_conversation(connection, address, conversations.c.state != "resolved")
    if there is not None and there.owner is not None:
        if there.owner.id != agent.id:
            raise Conflict(f"{there.owner.name} has the conversation there", there)
        return there
    if there is None:
        carried = _carried_over(connection, here, address)
        there = begin_conversation(connection, customer, address, at, **carried)
    there = take_conversation(connection, there, agent, here)
    _carry_handoff(connection, here, there)
    claim_handoff(connection, there, agent, at)
    lane = there.address.lane
    add_notice(connection, here, f"{agent.name} continues on {lane}", agent, at)
    lane = here.address.lane
    add_notice(connection, there, f"{agent.name} continues from {lane}", agent, at)
    return there


def _carry_handoff(connection: Connection, here: Conversation, there: Conversation) -> None:
    """Give ``there`` the reasons, the priority and the waiting time of the open handoff of
    ``here``, unless it has a handoff of its own."""
    if connection.execute(newest_open_handoff(there.id)).first() is not None:
        return
    row = connection.execute(newest_open_handoff(here.id)).one_or_none()
    if row is None:
        return
    known = rows.handoff(connection, row)
    request = HandoffRequest(
        reasons=known.reasons, tier=there.tier, skills=known.skills, priority=known.priority
    )
    open_handoff(connection, there, request, known.created_at)


def _carried_over(
    connection: Connection, here: Conversation, address: Address
) -> dict[str, object]:
    """What is known already, so that the customer need not repeat it at ``address``."""
    return {
        "state": "waiting",
        "tier": here.tier,
        "brand": here.brand,
        "language": here.language,
        "subject": rows.encrypted(connection, "conversations.subject", address.lane, here.subject),
        "intent": here.intent,
        "continues": here.root,
    }


def last_conversation(
    connection: Connection, address: Address, *conditions: Any
) -> Conversation | None:
    """The newest conversation at ``address`` for which ``conditions`` hold, locked."""
    row = connection.execute(
        select(conversations)
        .where(conversations.c.lane == address.lane, *conditions)
        .order_by(conversations.c.id.desc())
        .limit(1)
        .with_for_update()
    ).one_or_none()
    return rows.conversation(connection, row) if row else None


def take_conversation(
    connection: Connection, there: Conversation, agent: Agent, here: Conversation | None = None
) -> Conversation:
    """Give the conversation to ``agent``, with what is known from ``here``. The new epoch drops the
    bot's queued replies."""
    here = here or there
    taken = (
        update(conversations)
        .where(conversations.c.id == there.id)
        .values(
            state="person",
            owner=rows.to_json(agent),
            agent_id=agent.id,
            epoch=conversations.c.epoch + 1,
            tier=here.tier if there.tier == "bot" else there.tier,
            intent=there.intent or here.intent,
            resolved_at=None,
        )
        .returning(conversations)
    )
    return rows.conversation(connection, connection.execute(taken).one())


def _conversation(connection: Connection, id: int) -> Conversation:
    row = connection.execute(select(conversations).where(conversations.c.id == id)).one_or_none()
    if row is None:
        raise NotFound(f"there is no conversation {id}")
    return rows.conversation(connection, row)
