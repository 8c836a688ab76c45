"""What is held on a customer: receipts, export, erasure."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, Connection, Table, delete, func, or_, select, update

from gateway.adapters.encryption import SEALED
from gateway.adapters.sql import consent, rows
from gateway.adapters.sql.addresses import forget_empty
from gateway.adapters.sql.herald import Herald
from gateway.adapters.sql.places import readable
from gateway.adapters.sql.schema import (
    attachments,
    codes,
    conversations,
    customers,
    handoffs,
    hooks,
    identities,
    inbox,
    links,
    messages,
    notes_of_guests,
    outbox,
    suggestions,
    surveys,
    timers,
)
from gateway.adapters.sql.units import AnyDatabase
from gateway.model import Address, Inbound, Json, Receipt
from gateway.ports import NotFound
from gateway.store import AgentMessage, UpdatedMessage

# A later word never takes back an earlier, stronger one: "delivered" may come after "read".
BEFORE = {
    "delivered": ("queued", "sent", "unsure"),
    "read": ("queued", "sent", "unsure", "delivered"),
    "failed": ("queued", "sent", "unsure", "delivered"),
}
OF_CONVERSATION: tuple[tuple[str, Table], ...] = (
    ("messages", messages),
    ("handoffs", handoffs),
    ("suggestions", suggestions),
    ("surveys", surveys),
    ("timers", timers),
    ("outbox", outbox),
    ("notes_of_guests", notes_of_guests),
    ("codes", codes),
    ("hooks", hooks),
)
ERASED = "an erased address"


class SqlCustomers:
    """Operations on one customer."""

    def __init__(self, database: AnyDatabase, herald: Herald) -> None:
        self._db = database
        self._herald = herald

    async def report(self, receipt: Receipt) -> tuple[UpdatedMessage, ...] | None:
        return await self._db.write(lambda c: _report(c, receipt, self._herald))

    async def export(self, address: Address) -> Json:
        return await self._db.read(lambda c: _export(c, address), long=True)

    async def erase(self, address: Address) -> tuple[int, tuple[str, ...]]:
        erased = await self._db.write(lambda c: _erase(c, address), long=True)
        await self._db.checkpoint()
        return erased


def _report(
    connection: Connection, receipt: Receipt, herald: Herald
) -> tuple[UpdatedMessage, ...] | None:
    if receipt.address is not None:
        ids = [int(id) for id in receipt.ids if id.isdecimal()]
        ours = messages.c.id.in_(ids) & (messages.c.lane == receipt.address.lane)
    else:
        prefix = f"{receipt.channel}:"
        ours = messages.c.remote_id.in_(receipt.ids) & messages.c.lane.startswith(
            prefix, autoescape=True
        )
    ours &= messages.c.author.in_(("bot", "agent"))
    if connection.execute(select(messages.c.id).where(ours).limit(1)).scalar() is None:
        return None
    ours &= messages.c.status.in_(BEFORE[receipt.status])
    found = connection.execute(
        select(messages).where(ours).order_by(messages.c.id).with_for_update()
    ).all()
    for row in found:
        values: dict[str, object] = {"status": receipt.status}
        if receipt.detail:
            values["data"] = _with_detail(connection, row, receipt.detail)
        connection.execute(update(messages).where(messages.c.id == row.id).values(values))
        _settle_letter(connection, row.id, arrived=receipt.status != "failed")
        herald.message(connection, rows.message(connection, row), receipt.status, receipt.at)
    if receipt.opted_out:
        for lane in {row.lane for row in found}:
            consent.record(connection, consent.address_of(lane), "out")
    told = [UpdatedMessage(lane=row.lane, conversation=row.conversation_id) for row in found]
    return tuple(dict.fromkeys(told))


def _settle_letter(connection: Connection, message: int, *, arrived: bool) -> None:
    """A letter that nobody knew to have arrived: now somebody does."""
    connection.execute(
        update(outbox)
        .where(outbox.c.message_id == message, outbox.c.state == "unsure")
        .values(state="sent" if arrived else "dead")
    )


def _with_detail(connection: Connection, row: Any, detail: str) -> str | None:
    changed = rows.message(connection, row).replace(detail=detail)
    packed = rows.message_values(connection, changed, row.lane)["data"]
    return None if packed is None else str(packed)


def _customer(connection: Connection, address: Address) -> int:
    known = connection.execute(
        select(identities.c.customer_id).where(
            identities.c.channel == address.channel, identities.c.value == address.value
        )
    ).scalar()
    if known is None:
        raise NotFound(f"nobody is known by {address.lane}")
    return int(known)


def _owned(connection: Connection, customer: int) -> tuple[list[int], list[Address]]:
    found = connection.execute(
        select(conversations.c.id).where(conversations.c.customer_id == customer)
    ).scalars()
    addresses = connection.execute(
        select(identities.c.channel, identities.c.value).where(identities.c.customer_id == customer)
    )
    return list(found), [Address(channel=row.channel, value=row.value) for row in addresses]


def _received(mine: list[int], addresses: list[Address]) -> ColumnElement[bool]:
    """Inbox rows of these conversations, and what waits at these addresses. Not all that came
    in there: an address may be a computer that several people use."""
    lanes = [address.lane for address in addresses]
    waits = inbox.c.conversation_id.is_(None) & inbox.c.lane.in_(lanes)
    return or_(inbox.c.conversation_id.in_(mine), waits)


def _dicts(
    connection: Connection, table: Table, chosen: ColumnElement[bool]
) -> list[dict[str, Any]]:
    # As they were written: PostgreSQL by itself gives what was changed last at the end.
    found = connection.execute(select(table).where(chosen).order_by(table.c.id)).mappings()
    return [readable(connection, table, dict(row)) for row in found]


def _export(connection: Connection, address: Address) -> Json:
    customer = _customer(connection, address)
    mine, addresses = _owned(connection, customer)
    export: dict[str, Any] = {
        "customer": _dicts(connection, customers, customers.c.id == customer)[0],
        "identities": _dicts(connection, identities, identities.c.customer_id == customer),
        "conversations": _dicts(connection, conversations, conversations.c.customer_id == customer),
    }
    for name, table in OF_CONVERSATION:
        export[name] = _dicts(connection, table, table.c.conversation_id.in_(mine))
    said = [row["id"] for row in export["messages"]]
    export["attachments"] = _dicts(connection, attachments, attachments.c.message_id.in_(said))
    export["links"] = _dicts(connection, links, links.c.customer_id == customer)
    export["inbox"] = _dicts(connection, inbox, _received(mine, addresses))
    return export


def _erase(connection: Connection, address: Address) -> tuple[int, tuple[str, ...]]:
    customer = _customer(connection, address)
    mine, addresses = _owned(connection, customer)
    received = _received(mine, addresses)
    said = select(messages.c.id).where(messages.c.conversation_id.in_(mine))
    digests = set(
        connection.execute(
            select(attachments.c.digest).where(attachments.c.message_id.in_(said))
        ).scalars()
    ) | named(connection, received)
    moved = links.c.customer_id == customer
    before = connection.execute(select(links.c.before_id).where(moved)).scalars().all()
    gone = connection.execute(delete(inbox).where(received)).rowcount
    gone += connection.execute(
        delete(attachments).where(attachments.c.message_id.in_(said))
    ).rowcount
    for _, table in reversed(OF_CONVERSATION):
        gone += connection.execute(delete(table).where(table.c.conversation_id.in_(mine))).rowcount
    for table, column in (
        (conversations, conversations.c.customer_id),
        (identities, identities.c.customer_id),
        (customers, customers.c.id),
    ):
        gone += connection.execute(delete(table).where(column == customer)).rowcount
    for one in before:
        forget_empty(connection, one)
    for one_of_theirs in addresses:
        gone += _unname(connection, one_of_theirs)
    still = set(
        connection.execute(
            select(attachments.c.digest).where(attachments.c.digest.in_(digests))
        ).scalars()
    ) | named(connection, (inbox.c.state != "handled") | (inbox.c.kind == "unreadable"))
    return gone, tuple(sorted(digests - still))


def _unname(connection: Connection, address: Address) -> int:
    """Take ``address`` out of what is held on other customers."""
    gone = 0
    for table in (links, codes):
        here = (table.c.channel == address.channel) & (table.c.value == address.value)
        gone += connection.execute(delete(table).where(here)).rowcount
    connection.execute(
        update(messages)
        .where(
            messages.c.author == "system", messages.c.text.contains(address.lane, autoescape=True)
        )
        .values(text=func.replace(messages.c.text, address.lane, ERASED))
    )
    _unname_sealed(connection, address)
    return gone


def _unname_sealed(connection: Connection, address: Address) -> None:
    """The same where the database cannot read: each line is opened. It is slow, and seldom."""
    sealed = select(messages.c.id, messages.c.lane, messages.c.text).where(
        messages.c.author == "system", messages.c.text.startswith(SEALED)
    )
    for row in connection.execute(sealed).all():
        text = rows.opened(connection, "messages.text", row.lane, row.text)
        if address.lane in text:
            changed = text.replace(address.lane, ERASED)
            kept = rows.sealed(connection, "messages.text", row.lane, changed)
            mine = update(messages).where(messages.c.id == row.id)
            connection.execute(mine.values(text=kept))


def named(connection: Connection, chosen: ColumnElement[bool]) -> set[str]:
    """The digests of raw payloads and attachments that inbox rows name."""
    found: set[str] = set()
    query = select(inbox.c.kind, inbox.c.lane, inbox.c.payload).where(
        chosen, inbox.c.kind.in_(("message", "edit", "unreadable", "agent"))
    )
    for row in connection.execute(query):
        payload = rows.opened(connection, "inbox.payload", row.lane, row.payload)
        if row.kind == "agent":
            found |= {one.digest for one in rows.unpack(payload, AgentMessage).attachments}
            continue
        inbound = rows.unpack(payload, Inbound)
        found |= {one.digest for one in inbound.attachments}
        found |= {inbound.raw} if inbound.raw else set()
    return found
