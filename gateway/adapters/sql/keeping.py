"""Taking away what is older than it may be, oldest first and a little at a time.

Ids grow with time. So a step reads a stretch of ids from where the last one stopped, and the walk
is over at the first row that is young enough: what it costs depends on what is to go, not on what
stays.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from functools import partial
from typing import Any, Literal

from sqlalchemy import ColumnElement, Connection, Table, delete, exists, select

from gateway.adapters.sql import rows
from gateway.adapters.sql.addresses import forget_empty
from gateway.adapters.sql.customers import OF_CONVERSATION, named
from gateway.adapters.sql.places import readable
from gateway.adapters.sql.schema import (
    attachments,
    conversations,
    customers,
    hooks,
    identities,
    inbox,
    links,
    messages,
    notes_of_guests,
    outbox,
)
from gateway.adapters.sql.units import AnyDatabase
from gateway.model import Inbound, Json
from gateway.store import RetentionStep

STRETCH = 1000
DIGEST = re.compile(r"[0-9a-f]{64}")
_DONE: dict[str, tuple[Table, Any, ColumnElement[bool]]] = {
    "inbox": (inbox, inbox.c.received_at, inbox.c.state == "handled"),
    "outbox": (outbox, outbox.c.created_at, outbox.c.state.in_(("sent", "discarded"))),
    "hooks": (hooks, hooks.c.created_at, hooks.c.state == "sent"),
}


class SqlKeeping:
    """See `store.Keeping`."""

    def __init__(self, database: AnyDatabase) -> None:
        self._db = database

    async def silent(
        self, before: datetime, after: int, limit: int
    ) -> tuple[list[int], RetentionStep]:
        return await self._db.read(lambda c: _silent(c, before, after, limit), long=True)

    async def whole(self, conversation: int) -> Json:
        return await self._db.read(lambda c: _whole(c, conversation), long=True)

    async def end(self, conversations: Sequence[int], before: datetime) -> int:
        return await self._db.write(lambda c: _end(c, conversations, before), long=True)

    async def old(
        self,
        kind: Literal["attachments", "inbox", "outbox", "hooks"],
        before: datetime,
        after: int,
        limit: int,
        *,
        delete: bool,
    ) -> RetentionStep:
        def unit(connection: Connection) -> RetentionStep:
            stretch, cut = _old(connection, kind, before, after, limit)
            if delete and stretch:
                table = attachments if kind == "attachments" else _DONE[kind][0]
                connection.execute(table.delete().where(table.c.id.in_(stretch)))
            return cut

        return await (self._db.write(unit, long=True) if delete else self._db.read(unit, long=True))

    async def unnamed(self, digests: Sequence[str]) -> set[str]:
        left: set[str] = set()
        for at in range(0, len(digests), STRETCH):
            some = set(digests[at : at + STRETCH])
            known = select(attachments.c.digest).where(attachments.c.digest.in_(some))
            left |= some - set(await self._db.read(partial(_scalars, query=known), long=True))
        for looks in (_inbox_names, _noted):
            after: int | None = 0
            while left and after is not None:
                look = partial(looks, wanted=frozenset(left), after=after)
                seen, after = await self._db.read(look, long=True)
                left -= seen
        return left

    async def squeeze(self) -> None:
        await self._db.vacuum()


def _quiet(before: datetime) -> ColumnElement[bool]:
    """Over, and nothing said or waiting in it since then."""
    here = conversations.c.id
    spoken = exists().where(messages.c.conversation_id == here, messages.c.at >= rows.ms(before))
    leaving = exists().where(
        outbox.c.lane == conversations.c.lane,
        outbox.c.conversation_id == here,
        outbox.c.state.in_(("ready", "sending")),
    )
    coming = exists().where(inbox.c.lane == conversations.c.lane, inbox.c.state == "ready")
    over = conversations.c.state.in_(("resolved", "bot"))
    return over & ~spoken & ~leaving & ~coming


def _silent(
    connection: Connection, before: datetime, after: int, limit: int
) -> tuple[list[int], RetentionStep]:
    walk = select(conversations.c.id).where(
        conversations.c.id > after, conversations.c.opened_at < rows.ms(before)
    )
    stretch = connection.execute(walk.order_by(conversations.c.id).limit(limit)).scalars().all()
    chosen = select(conversations.c.id).where(conversations.c.id.in_(stretch), _quiet(before))
    found = list(connection.execute(chosen.order_by(conversations.c.id)).scalars())
    return found, RetentionStep(
        gone=len(found), after=stretch[-1] if len(stretch) == limit else None
    )


def _whole(connection: Connection, conversation: int) -> Json:
    def dicts(table: Table, mine: ColumnElement[bool]) -> list[dict[str, Any]]:
        found = connection.execute(select(table).where(mine).order_by(table.c.id)).mappings()
        return [readable(connection, table, dict(row)) for row in found]

    [kept] = dicts(conversations, conversations.c.id == conversation)
    whole: dict[str, Any] = {"conversation": kept}
    whole["customer"] = dicts(customers, customers.c.id == kept["customer_id"])
    for name, table in OF_CONVERSATION:
        whole[name] = dicts(table, table.c.conversation_id == conversation)
    said = select(messages.c.id).where(messages.c.conversation_id == conversation)
    whole["attachments"] = dicts(attachments, attachments.c.message_id.in_(said))
    return whole


def _end(connection: Connection, chosen: Sequence[int], before: datetime) -> int:
    mine = conversations.c.id.in_(chosen)
    still = connection.execute(
        select(conversations.c.id, conversations.c.customer_id).where(mine, _quiet(before))
    ).all()
    ids = [row.id for row in still]
    said = select(messages.c.id).where(messages.c.conversation_id.in_(ids))
    connection.execute(delete(inbox).where(inbox.c.conversation_id.in_(ids)))
    connection.execute(delete(attachments).where(attachments.c.message_id.in_(said)))
    for _, table in reversed(OF_CONVERSATION):
        connection.execute(delete(table).where(table.c.conversation_id.in_(ids)))
    connection.execute(delete(conversations).where(conversations.c.id.in_(ids)))
    for customer in {row.customer_id for row in still}:
        _forget(connection, customer)
    return len(ids)


def _forget(connection: Connection, customer: int) -> None:
    """A customer without conversations goes with their addresses; not one who wants no messages,
    which must be remembered, nor one whose addresses were linked by somebody's decision."""
    theirs = identities.c.customer_id == customer
    busy = (
        exists().where(conversations.c.customer_id == customer)
        | exists().where(links.c.customer_id == customer)
        | exists().where(theirs, identities.c.opted_out)
    )
    free = select(customers.c.id).where(
        customers.c.id == customer, customers.c.opted_out.is_(False), ~busy
    )
    if connection.execute(free).scalar() is not None:
        connection.execute(delete(identities).where(theirs))
        forget_empty(connection, customer)


def _old(
    connection: Connection, kind: str, before: datetime, after: int, limit: int
) -> tuple[list[int], RetentionStep]:
    stretch: Sequence[Any]
    if kind == "attachments":
        walk = (
            select(attachments.c.id, messages.c.at)
            .join(messages, messages.c.id == attachments.c.message_id)
            .where(attachments.c.id > after)
            .order_by(attachments.c.id)
        )
        stretch = connection.execute(walk.limit(limit)).all()
        found = [row.id for row in stretch if row.at < rows.ms(before)]
        young = len(found) < len(stretch)
    else:
        table, at, done = _DONE[kind]
        seen = select(table.c.id, at, done).where(table.c.id > after).order_by(table.c.id)
        stretch = connection.execute(seen.limit(limit)).all()
        found = [row[0] for row in stretch if row[1] < rows.ms(before) and row[2]]
        young = any(row[1] >= rows.ms(before) for row in stretch)
    over = young or len(stretch) < limit
    return found, RetentionStep(gone=len(found), after=None if over else stretch[-1][0])


def _scalars(connection: Connection, query: Any) -> Sequence[str]:
    return connection.execute(query).scalars().all()


def _inbox_names(
    connection: Connection, *, wanted: frozenset[str], after: int
) -> tuple[set[str], int | None]:
    """What a stretch of the inbox names, and where the next begins. All that waits names its
    files. What is handled does so no more, its message does; but the mail that it was read from is
    kept as long as its row."""
    walk = select(inbox.c.id).where(inbox.c.id > after).order_by(inbox.c.id).limit(STRETCH)
    ids = connection.execute(walk).scalars().all()
    here = inbox.c.id.in_(ids)
    waits = (inbox.c.state != "handled") | (inbox.c.kind == "unreadable")
    handled = select(inbox.c.lane, inbox.c.payload).where(
        here, ~waits, inbox.c.kind.in_(("message", "edit"))
    )
    payloads = (
        rows.opened(connection, "inbox.payload", row.lane, row.payload)
        for row in connection.execute(handled)
    )
    raws = {rows.unpack(payload, Inbound).raw for payload in payloads}
    seen = named(connection, here & waits) | {raw for raw in raws if raw}
    return seen & wanted, ids[-1] if len(ids) == STRETCH else None


def _noted(
    connection: Connection, *, wanted: frozenset[str], after: int
) -> tuple[set[str], int | None]:
    """Those that a guest has written down: what was taken and is not done yet."""
    table = notes_of_guests
    walk = select(table).where(table.c.id > after).order_by(table.c.id).limit(STRETCH)
    found = connection.execute(walk).all()
    texts = [
        rows.opened(connection, "notes_of_guests.value", f"{row.guest}/{row.key}", row.value)
        for row in found
    ]
    seen = {digest for text in texts for digest in DIGEST.findall(text)}
    return seen & wanted, found[-1].id if len(found) == STRETCH else None
