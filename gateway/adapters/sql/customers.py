"""What is stored about one customer: delivery receipts, export, erasure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import msgspec
import structlog
from sqlalchemy import (
    ColumnElement,
    Connection,
    Table,
    delete,
    exists,
    func,
    insert,
    or_,
    select,
    update,
)

from gateway.adapters.encryption import SEALED, BadKey
from gateway.adapters.files import DIGEST
from gateway.adapters.sql import rows
from gateway.adapters.sql.encryption import decrypted_rows
from gateway.adapters.sql.engine.base import SqlDatabase
from gateway.adapters.sql.identities import (
    customer_at,
    delete_if_empty,
    is_at,
    record_consent,
    suspend,
)
from gateway.adapters.sql.linked.forwarded import holding_words_of, names
from gateway.adapters.sql.linked.named import unproven_holders
from gateway.adapters.sql.schema import (
    adopted_examples,
    attachments,
    codes,
    confirmed_facts,
    conversation_labels,
    conversations,
    customers,
    forwarded_words,
    handoffs,
    hooks,
    identities,
    inbox,
    knowledge_uses,
    links,
    messages,
    notes_of_guests,
    outbox,
    promises,
    suggestions,
    surveys,
    timers,
)
from gateway.adapters.sql.storage import erase_written, written_about
from gateway.adapters.sql.webhooks import WebhookRecorder
from gateway.model import Address, Inbound, Json, Receipt, Value, channel_key
from gateway.pipeline.subject import base_subject
from gateway.ports import NotFound
from gateway.store import AgentMessage, UpdatedMessage

log = structlog.get_logger()
EARLIER_STATUSES = {
    "delivered": ("queued", "sent", "unsure"),
    "read": ("queued", "sent", "unsure", "delivered"),
    "failed": ("queued", "sent", "unsure", "delivered"),
}
"""The statuses that a receipt may replace: a late "delivered" never replaces "read"."""
CONVERSATION_TABLES: tuple[tuple[str, Table], ...] = (
    ("messages", messages),
    ("handoffs", handoffs),
    ("suggestions", suggestions),
    ("surveys", surveys),
    ("timers", timers),
    ("outbox", outbox),
    ("notes_of_guests", notes_of_guests),
    ("codes", codes),
    ("hooks", hooks),
    ("adopted_examples", adopted_examples),
    ("conversation_labels", conversation_labels),
    ("promises", promises),
    ("confirmed_facts", confirmed_facts),
    ("knowledge_uses", knowledge_uses),
    ("forwarded_words", forwarded_words),
)
MOST_RETURNED = 20
"""The newest messages of an address among which a report without an id is looked up."""
LEAST_WORDS = 12
"""Letters and digits that a report must return for that."""
ERASED = "an erased address"
_UNFINISHED = (notes_of_guests.c.guest == "warmline.erasure") & (notes_of_guests.c.key == "log")
"""Marks that erased text may be left in the database's log."""
_MARK = {"guest": "warmline.erasure", "key": "log", "value": "", "version": 1, "updated_at": 0}


class SqlCustomers:
    """See `store.Customers`."""

    def __init__(self, database: SqlDatabase, webhooks: WebhookRecorder) -> None:
        self._db = database
        self._webhooks = webhooks

    async def report(self, receipt: Receipt) -> tuple[UpdatedMessage, ...] | None:
        return await self._db.write(lambda c: _report(c, receipt, self._webhooks))

    async def at_support_addresses(self, address: Address) -> tuple[Address, ...]:
        chosen = select(identities).where(
            identities.c.channel == address.channel, identities.c.value == address.value
        )
        ordered = chosen.order_by(identities.c.support_address)
        return await self._db.read(lambda c: tuple(rows.address(r) for r in c.execute(ordered)))

    async def assign_brands(self, brands: Mapping[str, str]) -> None:
        await self._db.write(lambda c: _assign_brands(c, brands), long=True)

    async def export(self, address: Address) -> Json:
        return await self._db.read(lambda c: _export(c, address), long=True)

    async def addresses(self, address: Address) -> tuple[Address, ...]:
        def job(connection: Connection) -> tuple[Address, ...]:
            customer = customer_at(connection, address)
            if customer is None:
                raise NotFound(f"nobody is known by {address.lane}")
            return _addresses(connection, customer)

        return await self._db.read(job)

    async def erase(self, address: Address) -> tuple[int, tuple[str, ...]]:
        def job(connection: Connection) -> tuple[int, tuple[str, ...]]:
            erased = _erase(connection, address)
            connection.execute(delete(notes_of_guests).where(_UNFINISHED))
            connection.execute(insert(notes_of_guests), _MARK)
            return erased

        erased = await self._db.write(job, long=True)
        await self.finish_erasures()
        return erased

    async def finish_erasures(self) -> bool:
        marked = select(notes_of_guests.c.id).where(_UNFINISHED)
        if await self._db.read(lambda c: c.execute(marked).scalar()) is None:
            return True
        if not await self._db.checkpoint():
            log.warning("erasure.delayed", hint="something reads the database; tried again")
            return False
        done = delete(notes_of_guests).where(_UNFINISHED)
        await self._db.write(lambda c: c.execute(done).close())
        return True


def _report(
    connection: Connection, receipt: Receipt, webhooks: WebhookRecorder
) -> tuple[UpdatedMessage, ...] | None:
    chosen = _reported(connection, receipt) & messages.c.author.in_(("bot", "agent"))
    if connection.execute(select(messages.c.id).where(chosen).limit(1)).scalar() is None:
        return None
    chosen &= messages.c.status.in_(EARLIER_STATUSES[receipt.status])
    found = connection.execute(
        select(messages).where(chosen).order_by(messages.c.id).with_for_update()
    ).all()
    for row in found:
        values: dict[str, object] = {"status": receipt.status}
        message = rows.message(connection, row)
        if receipt.detail:
            detailed = message.replace(detail=receipt.detail)
            values["data"] = rows.message_values(connection, detailed, row.lane)["data"]
        connection.execute(update(messages).where(messages.c.id == row.id).values(values))
        _settle_unsure(connection, row.id, arrived=receipt.status != "failed")
        webhooks.message(connection, message, receipt.status, receipt.at)
    if receipt.unreachable and receipt.status == "failed":
        for lane in {row.lane for row in found}:
            suspend(connection, Address.from_lane(lane))
    if receipt.opted_out:
        for lane in {row.lane for row in found}:
            record_consent(connection, Address.from_lane(lane), "out")
    changed = [
        UpdatedMessage(
            lane=row.lane, conversation=row.conversation_id, survey=row.purpose == "survey"
        )
        for row in found
    ]
    return tuple(dict.fromkeys(changed))


def _reported(connection: Connection, receipt: Receipt) -> ColumnElement[bool]:
    """The messages that ``receipt`` is about."""
    if receipt.address is None:
        return messages.c.remote_id.in_(receipt.ids) & _left_from(receipt)
    ids = [int(id) for id in receipt.ids if id.isdecimal()]
    if not receipt.ids:
        found = _find_by_words(connection, receipt.address, receipt.words)
        ids = [] if found is None else [found]
    return messages.c.id.in_(ids) & (messages.c.lane == receipt.address.lane)


def _left_from(receipt: Receipt) -> ColumnElement[bool]:
    """The messages that left from the support address of ``receipt``, or from any one of its
    channel."""
    if receipt.support_address is None:
        starts = [f"{receipt.channel}:", f"{receipt.channel}/"]
    else:
        starts = [f"{channel_key(receipt.channel, receipt.support_address)}:"]
    return or_(*(messages.c.lane.startswith(start, autoescape=True) for start in starts))


def _find_by_words(connection: Connection, address: Address, words: str) -> int | None:
    """The newest message sent to ``address`` whose beginning, or the subject it went under, occurs
    in ``words``; white space and marks of quotation do not count."""
    returned = _letters(words)
    recent = (
        select(messages, conversations.c.subject)
        .join(conversations, conversations.c.id == messages.c.conversation_id)
        .where(
            messages.c.lane == address.lane,
            messages.c.author.in_(("bot", "agent")),
            messages.c.internal.is_(False),
        )
        .order_by(messages.c.id.desc())
        .limit(MOST_RETURNED)
    )
    for row in connection.execute(recent).all():
        text = rows.readable(connection, "messages.text", row.lane, row.text)
        subject = rows.readable(connection, "conversations.subject", row.lane, row.subject)
        for known in (_letters(text)[: LEAST_WORDS * 2], _letters(base_subject(subject or ""))):
            if len(known) >= LEAST_WORDS and known in returned:
                return int(row.id)
    return None


def _letters(text: str) -> str:
    return "".join(char for char in text.lower() if char.isalnum())


def _assign_brands(connection: Connection, brands: Mapping[str, str]) -> None:
    for key, brand in brands.items():
        channel, _, name = key.partition("/")
        theirs = select(identities.c.customer_id).where(
            identities.c.channel == channel, identities.c.support_address == name
        )
        for table, here in (
            (customers, customers.c.id.in_(theirs)),
            (
                conversations,
                (conversations.c.channel == channel) & (conversations.c.support_address == name),
            ),
        ):
            changed = update(table).where(here, table.c.brand != brand)
            connection.execute(changed.values(brand=brand))


def _settle_unsure(connection: Connection, message: int, *, arrived: bool) -> None:
    """Close the outbox row of an ``unsure`` send: a receipt shows whether it arrived."""
    connection.execute(
        update(outbox)
        .where(outbox.c.message_id == message, outbox.c.state == "unsure")
        .values(state="sent" if arrived else "dead")
    )


class _Known(Value, frozen=True, kw_only=True):
    """What is stored about somebody. ``customer`` is 0, which no row has, when only others'
    conversations hold their words."""

    customer: int
    conversations: list[int]
    addresses: tuple[Address, ...]


def _known(connection: Connection, address: Address) -> _Known:
    """With the conversations in which their words were forwarded, however often. Raises NotFound
    when there is nothing."""
    customer = customer_at(connection, address) or 0
    own = select(conversations.c.id).where(conversations.c.customer_id == customer)
    found = list(connection.execute(own).scalars())
    addresses = _addresses(connection, customer) or (address,)
    new = [*found, *holding_words_of(connection, addresses)]
    found = list(dict.fromkeys(new))
    while new:
        forwarded = select(conversations.c.id).where(
            conversations.c.forwarded_from.in_(new), conversations.c.id.not_in(found)
        )
        new = list(connection.execute(forwarded).scalars())
        found += new
    if not (customer or found):
        raise NotFound(f"nobody is known by {address.lane}")
    return _Known(customer=customer, conversations=found, addresses=addresses)


def _addresses(connection: Connection, customer: int) -> tuple[Address, ...]:
    chosen = select(identities).where(identities.c.customer_id == customer)
    return tuple(rows.address(row) for row in connection.execute(chosen))


def _is_received(conversation_ids: list[int], addresses: Sequence[Address]) -> ColumnElement[bool]:
    """Inbox rows of these conversations, and those that wait at these addresses. Not everything
    that came in there: several people may use the same address (a shared computer)."""
    lanes = [address.lane for address in addresses]
    waits = inbox.c.conversation_id.is_(None) & inbox.c.lane.in_(lanes)
    return or_(inbox.c.conversation_id.in_(conversation_ids), waits)


def _export(connection: Connection, address: Address) -> Json:
    select_rows = partial(decrypted_rows, connection)
    known = _known(connection, address)
    customer, ids, addresses = known.customer, known.conversations, known.addresses
    export: dict[str, Any] = {
        "identities": select_rows(identities, identities.c.customer_id == customer),
        "conversations": select_rows(conversations, conversations.c.id.in_(ids)),
    }
    for row in select_rows(customers, customers.c.id == customer):
        export["customer"] = row
    for name, table in CONVERSATION_TABLES:
        chosen: ColumnElement[bool] = table.c.conversation_id.in_(ids)
        if table is forwarded_words:
            chosen &= names(addresses)  # who else was forwarded there is not theirs to know
        export[name] = select_rows(table, chosen)
    message_ids = [row["id"] for row in export["messages"]]
    export["attachments"] = select_rows(attachments, attachments.c.message_id.in_(message_ids))
    export["links"] = select_rows(links, links.c.customer_id == customer)
    export["inbox"] = select_rows(inbox, _is_received(ids, addresses))
    export["written"] = _written_about(connection, customer, addresses)
    return export


def _written_about(
    connection: Connection, customer: int, addresses: Sequence[Address]
) -> list[dict[str, Any]]:
    """What people wrote elsewhere that names ``customer``: see `PluginStorage`."""
    stored = connection.execute(select(customers.c.name).where(customers.c.id == customer)).scalar()
    name = rows.readable(connection, "customers.name", "", stored)
    return written_about(connection, [name] if name else [], [a.value for a in addresses])


def _erase(connection: Connection, address: Address) -> tuple[int, tuple[str, ...]]:
    known = _known(connection, address)
    customer, ids, addresses = known.customer, known.conversations, known.addresses
    received = _is_received(ids, addresses)
    message_ids = select(messages.c.id).where(messages.c.conversation_id.in_(ids))
    digests = set(
        connection.execute(
            select(attachments.c.digest).where(attachments.c.message_id.in_(message_ids))
        ).scalars()
    ) | named_files(connection, received)
    written = _written_about(connection, customer, addresses)
    erased = _erase_unproven(connection, ids, customer)
    digests |= _files_of_plugins(connection, ids)
    linked_from = select(links.c.before_id).where(links.c.customer_id == customer)
    former_customers = connection.execute(linked_from).scalars().all()
    erased += connection.execute(delete(inbox).where(received)).rowcount
    erased += delete_conversation_rows(connection, ids) + erase_written(connection, written)
    for table, column in (
        (conversations, conversations.c.id),
        (identities, identities.c.customer_id),
        (customers, customers.c.id),
    ):
        chosen = column.in_(ids) if table is conversations else column == customer
        erased += connection.execute(delete(table).where(chosen)).rowcount
    for former in former_customers:
        delete_if_empty(connection, former)
    for own_address in addresses:
        erased += _erase_mentions(connection, own_address)
    still_named = set(
        connection.execute(
            select(attachments.c.digest).where(attachments.c.digest.in_(digests))
        ).scalars()
    ) | named_files(connection, (inbox.c.state != "handled") | (inbox.c.kind == "unreadable"))
    return erased, tuple(sorted(digests - still_named))


def _erase_unproven(connection: Connection, conversation_ids: list[int], customer: int) -> int:
    """Erase our mails to addresses that these conversations named and nobody has proven, and who
    is known by nothing else."""
    erased = 0
    for held in unproven_holders(connection, conversation_ids):
        if held.customer_id == customer:
            continue
        erased += delete_conversation_rows(connection, [held.id])
        mine = delete(conversations).where(conversations.c.id == held.id)
        erased += connection.execute(mine).rowcount
        others = exists().where(conversations.c.customer_id == held.customer_id)
        theirs = identities.c.customer_id == held.customer_id
        erased += connection.execute(delete(identities).where(theirs, ~others)).rowcount
        delete_if_empty(connection, held.customer_id)
    return erased


def delete_conversation_rows(connection: Connection, conversation_ids: list[int]) -> int:
    """Delete everything that belongs to these conversations, but not themselves; return the number
    of rows."""
    message_ids = select(messages.c.id).where(messages.c.conversation_id.in_(conversation_ids))
    attached = delete(attachments).where(attachments.c.message_id.in_(message_ids))
    deleted = connection.execute(attached).rowcount
    for _, table in reversed(CONVERSATION_TABLES):
        chosen = delete(table).where(table.c.conversation_id.in_(conversation_ids))
        deleted += connection.execute(chosen).rowcount
    return deleted


def _erase_mentions(connection: Connection, address: Address) -> int:
    """Erase ``address`` from what is stored about other customers."""
    deleted = 0
    for table in (links, codes):
        deleted += connection.execute(delete(table).where(is_at(table, address))).rowcount
    connection.execute(
        update(messages)
        .where(
            messages.c.author == "system", messages.c.text.contains(address.lane, autoescape=True)
        )
        .values(text=func.replace(messages.c.text, address.lane, ERASED))
    )
    _erase_encrypted_mentions(connection, address)
    return deleted


def _erase_encrypted_mentions(connection: Connection, address: Address) -> None:
    """The same for encrypted lines, which the database cannot search: decrypts each one. Slow, and
    rare."""
    encrypted = select(messages.c.id, messages.c.lane, messages.c.text).where(
        messages.c.author == "system", messages.c.text.startswith(SEALED)
    )
    for row in connection.execute(encrypted).all():
        text = rows.readable(connection, "messages.text", row.lane, row.text)
        if address.lane in text:
            changed = text.replace(address.lane, ERASED)
            stored = rows.encrypted(connection, "messages.text", row.lane, changed)
            chosen = update(messages).where(messages.c.id == row.id)
            connection.execute(chosen.values(text=stored))


def _files_of_plugins(connection: Connection, conversation_ids: list[int]) -> set[str]:
    """The digests in what plugins stored about these conversations, such as files that an agent
    uploaded and has not sent."""
    chosen = notes_of_guests.c.conversation_id.in_(conversation_ids)
    found = decrypted_rows(connection, notes_of_guests, chosen)
    return {digest for row in found for digest in DIGEST.findall(str(row["value"]))}


def named_files(connection: Connection, chosen: ColumnElement[bool]) -> set[str]:
    """The digests of raw payloads and attachments that the ``chosen`` inbox rows name."""
    digests: set[str] = set()
    query = select(inbox.c.kind, inbox.c.lane, inbox.c.payload).where(
        chosen, inbox.c.kind.in_(("message", "edit", "unreadable", "agent"))
    )
    for row in connection.execute(query):
        try:
            digests |= _files_of_row(connection, row)
        except (BadKey, msgspec.DecodeError, UnicodeError):
            rows.report_unreadable(connection, "inbox.payload")
            digests |= set(DIGEST.findall(str(row.payload)))  # those that are still legible
    return digests


def _files_of_row(connection: Connection, row: Any) -> set[str]:
    """Raises what a damaged row raises."""
    payload = rows.decrypted(connection, "inbox.payload", row.lane, row.payload)
    if row.kind == "agent":
        message = rows.from_json(payload, AgentMessage)
        return {attachment.digest for attachment in message.attachments}
    inbound = rows.from_json(payload, Inbound)
    digests = {attachment.digest for attachment in inbound.attachments}
    return digests | ({inbound.raw} if inbound.raw else set())
