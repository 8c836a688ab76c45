"""One person, several addresses: linked on proof, undone when it was wrong."""

from __future__ import annotations

import hmac
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, and_, delete, exists, func, insert, select, update

from gateway.adapters.sql import consent, rows
from gateway.adapters.sql.effects import open_handoff
from gateway.adapters.sql.schema import (
    codes,
    conversations,
    customers,
    handoffs,
    identities,
    links,
    messages,
)
from gateway.adapters.sql.speaking import post, store
from gateway.adapters.sql.units import AnyDatabase
from gateway.model import Address, Agent, Conversation, Linked, Message
from gateway.ports import Conflict, NotAccepted, NotFound
from gateway.services.notices import notice
from gateway.store import HandoffAsk

TRIES = 5
"""Wrong codes, then a new one is needed: one in 200,000 is guessed."""
PER_HOUR = 3
"""Codes to one address: nobody is made to send a stranger heaps of them."""


_HOLDS = and_(
    links.c.undone_at.is_(None),
    exists().where(
        identities.c.channel == links.c.channel,
        identities.c.value == links.c.value,
        identities.c.customer_id == links.c.customer_id,
    ),
)
"""Neither taken back nor overtaken by a later link of the address to somebody else."""


class SqlLinks:
    """See `store.Links`."""

    def __init__(self, database: AnyDatabase) -> None:
        self._db = database

    async def link(
        self, conversation: int, address: Address, at: datetime, *, how: str, agent: Agent | None
    ) -> int:
        return await self._db.write(
            lambda c: _link(c, _owner(c, conversation), address, at, how=how, agent=agent)
        )

    async def unlink(self, link: int, at: datetime) -> None:
        await self._db.write(lambda c: _unlink(c, link, at))

    async def of(self, conversation: int) -> tuple[Linked, ...]:
        def unit(connection: Connection) -> tuple[Linked, ...]:
            mine = links.c.customer_id == _owner(connection, conversation)
            chosen = select(links).where(mine, _HOLDS).order_by(links.c.id)
            return tuple(_value(row) for row in connection.execute(chosen))

        return await self._db.read(unit)

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
        def unit(connection: Connection) -> None:
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

        await self._db.write(unit, key=address.lane)

    async def redeem(self, conversation: int, digest: str, at: datetime) -> Address | None:
        return await self._db.write(lambda c: _redeem(c, conversation, digest, at))

    async def go_on(
        self, conversation: int, address: Address, agent: Agent, at: datetime
    ) -> Conversation:
        return await self._db.write(
            lambda c: _go_on(c, conversation, address, agent, at), key=address.lane
        )


def _owner(connection: Connection, conversation: int) -> int:
    found = connection.execute(
        select(conversations.c.customer_id).where(conversations.c.id == conversation)
    ).scalar()
    if found is None:
        raise NotFound(f"there is no conversation {conversation}")
    return int(found)


def _value(row: Any) -> Linked:
    return Linked(
        id=row.id,
        address=Address(channel=row.channel, value=row.value),
        how=row.how,
        agent=rows.unpack(row.agent, Agent) if row.agent else None,
        at=rows.when(row.at),
    )


def _identity(connection: Connection, address: Address) -> Any:
    return connection.execute(
        select(identities).where(
            identities.c.channel == address.channel, identities.c.value == address.value
        )
    ).one_or_none()


def _known(connection: Connection, address: Address, at: datetime) -> int:
    """Whose address it is; a new customer's when nobody wrote from it yet."""
    row = _identity(connection, address)
    if row is not None:
        return int(row.customer_id)
    new = insert(customers).returning(customers.c.id)
    id: int = connection.execute(new, {"opted_out": False, "created_at": rows.ms(at)}).scalar_one()
    connection.execute(
        insert(identities),
        {"customer_id": id, "channel": address.channel, "value": address.value},
    )
    return id


def _link(
    connection: Connection,
    customer: int,
    address: Address,
    at: datetime,
    *,
    how: str,
    agent: Agent | None,
) -> int:
    before = _known(connection, address, at)
    if before == customer:
        raise NotAccepted("this address is the customer's already")
    _move(connection, address, customer)
    out = select(customers.c.opted_out).where(customers.c.id == before)
    if connection.execute(out).scalar():
        mine = update(customers).where(customers.c.id == customer)
        connection.execute(mine.values(opted_out=True))
    made: int = connection.execute(
        insert(links).returning(links.c.id),
        {
            "customer_id": customer,
            "before_id": before,
            "channel": address.channel,
            "value": address.value,
            "how": how,
            "agent": rows.pack(agent) if agent else None,
            "at": rows.ms(at),
        },
    ).scalar_one()
    return made


def _move(connection: Connection, address: Address, customer: int) -> None:
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


def _unlink(connection: Connection, link: int, at: datetime) -> None:
    mine = links.c.id == link
    row = connection.execute(select(links).where(mine, _HOLDS).with_for_update()).one_or_none()
    if row is None:
        raise NotFound(f"there is no link {link}")
    before = connection.execute(
        select(customers.c.id).where(customers.c.id == row.before_id)
    ).scalar()
    if before is None:
        raise NotFound("who had this address before has been erased")
    _move(connection, Address(channel=row.channel, value=row.value), row.before_id)
    connection.execute(update(links).where(mine).values(undone_at=rows.ms(at)))


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


def _redeem(connection: Connection, conversation: int, digest: str, at: datetime) -> Address | None:
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
    customer = _owner(connection, conversation)
    if _known(connection, address, at) != customer:
        _link(connection, customer, address, at, how="code", agent=None)
    return address


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
    customer = _known(connection, address, at)
    return _begin(connection, customer, address, at, state="resolved", resolved_at=rows.ms(at))


def _begin(
    connection: Connection, customer: int, address: Address, at: datetime, **more: Any
) -> Conversation:
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


def _go_on(
    connection: Connection, conversation: int, address: Address, agent: Agent, at: datetime
) -> Conversation:
    customer = _owner(connection, conversation)
    identity = _identity(connection, address)
    if identity is None or identity.customer_id != customer:
        raise NotAccepted(f"{address.lane} is not linked to this customer")
    here = rows.conversation(
        connection,
        connection.execute(select(conversations).where(conversations.c.id == conversation)).one(),
    )
    there = _open_at(connection, address)
    if there is not None and there.owner is not None:
        if there.owner.id != agent.id:
            raise Conflict(f"{there.owner.name} has the conversation there", there)
        return there
    there = (
        _take(connection, there, agent)
        if there
        else _begin(
            connection,
            customer,
            address,
            at,
            state="person",
            owner=rows.pack(agent),
            tier=here.tier,
            language=here.language,
            subject=rows.maybe_sealed(
                connection, "conversations.subject", address.lane, here.subject
            ),
            intent=here.intent,
        )
    )
    _claimed(connection, there, agent, at)
    for one, other in ((here, there), (there, here)):
        where = "from" if one is there else "on"
        _line(connection, one, f"{agent.name} goes on {where} {other.address.lane}", agent, at)
    return there


def _open_at(connection: Connection, address: Address) -> Conversation | None:
    """The open conversation there, if there is one."""
    row = connection.execute(
        select(conversations)
        .where(conversations.c.lane == address.lane, conversations.c.state != "resolved")
        .order_by(conversations.c.id.desc())
        .limit(1)
        .with_for_update()
    ).one_or_none()
    return rows.conversation(connection, row) if row else None


def _take(connection: Connection, there: Conversation, agent: Agent) -> Conversation:
    taken = (
        update(conversations)
        .where(conversations.c.id == there.id)
        .values(state="person", owner=rows.pack(agent), epoch=conversations.c.epoch + 1)
        .returning(conversations)
    )
    return rows.conversation(connection, connection.execute(taken).one())


def _claimed(connection: Connection, there: Conversation, agent: Agent, at: datetime) -> None:
    mine = (handoffs.c.conversation_id == there.id) & handoffs.c.closed_at.is_(None)
    if connection.execute(select(handoffs.c.id).where(mine)).first() is None:
        open_handoff(connection, there, HandoffAsk(reasons=(), tier=there.tier), at)
    connection.execute(
        update(handoffs)
        .where(mine, handoffs.c.claimed_at.is_(None))
        .values(agent=rows.pack(agent), claimed_at=rows.ms(at))
    )


def _line(
    connection: Connection, here: Conversation, text: str, agent: Agent, at: datetime
) -> None:
    line = notice(here.id, text, at, agent=agent)
    connection.execute(insert(messages), rows.message_values(connection, line, here.address.lane))
