"""Deletes what is older than the settings allow, oldest first, in small steps.

Ids grow with time. So each step reads a range of ids from where the last one stopped, and the walk
ends at the first row that is young enough: its cost depends on what is deleted, not on what stays.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, Literal

import msgspec
from sqlalchemy import ColumnElement, Connection, Table, delete, exists, select, true, update

from gateway.adapters.encryption import BadKey
from gateway.adapters.files import DIGEST
from gateway.adapters.sql import rows
from gateway.adapters.sql.customers import (
    CONVERSATION_TABLES,
    delete_conversation_rows,
    named_files,
)
from gateway.adapters.sql.encryption import decrypted_rows
from gateway.adapters.sql.engine.base import SqlDatabase
from gateway.adapters.sql.identities import delete_if_empty
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
from gateway.model import Inbound, Json, Value
from gateway.store import RetentionStep

STEP = 1000
AHEAD = timedelta(days=1)
"""How far ahead of the clock a row may be, as when another machine's clock differs."""
_FINISHED: dict[str, tuple[Table, Any, ColumnElement[bool]]] = {
    "inbox": (inbox, inbox.c.received_at, inbox.c.state == "handled"),
    "outbox": (outbox, outbox.c.created_at, outbox.c.state.in_(("sent", "discarded"))),
    "hooks": (hooks, hooks.c.created_at, hooks.c.state == "sent"),
}
"""The table of each kind, the time of a row, and the condition for a finished row."""


class _Walk(Value, frozen=True, kw_only=True):
    """Where a step of retention begins, and what is old or wrong for it."""

    before: datetime
    after: int
    limit: int
    now: datetime | None = None

    @property
    def future(self) -> datetime:
        """A row that is later than this was stored while the clock was wrong."""
        return self.now + AHEAD if self.now else datetime.max.replace(tzinfo=UTC)


class SqlRetention:
    """See `store.RetentionStore`."""

    def __init__(self, database: SqlDatabase) -> None:
        self._db = database

    async def find_inactive(
        self,
        before: datetime,
        after: int,
        limit: int,
        *,
        now: datetime | None = None,
        correct: bool = False,
    ) -> tuple[list[int], RetentionStep]:
        walk = _Walk(before=before, after=after, limit=limit, now=now)
        seen = await self._db.read(lambda c: _seen(c, walk), long=True)
        if correct and now is not None:
            future = await self._db.read(lambda c: _future_messages(c, seen, walk), long=True)
            if any(future):
                await self._db.write(lambda c: _correct_times(c, *future, now), long=True)
        return await self._db.read(lambda c: _find_inactive(c, seen, walk), long=True)

    async def export_conversation(self, conversation: int) -> Json:
        return await self._db.read(lambda c: _export_conversation(c, conversation), long=True)

    async def delete_conversations(self, conversations: Sequence[int], before: datetime) -> int:
        return await self._db.write(
            lambda c: _delete_conversations(c, conversations, before), long=True
        )

    async def finished_rows(
        self,
        kind: Literal["attachments", "inbox", "outbox", "hooks"],
        before: datetime,
        after: int,
        limit: int,
        *,
        delete: bool,
        now: datetime | None = None,
    ) -> RetentionStep:
        walk = _Walk(before=before, after=after, limit=limit, now=now)

        def job(connection: Connection) -> RetentionStep:
            ids, step = _find_finished(connection, kind, walk, correct=delete)
            if delete and ids:
                table = attachments if kind == "attachments" else _FINISHED[kind][0]
                connection.execute(table.delete().where(table.c.id.in_(ids)))
            return step

        return await (self._db.write(job, long=True) if delete else self._db.read(job, long=True))

    async def unreferenced_files(self, digests: Sequence[str]) -> set[str]:
        unreferenced: set[str] = set()
        for at in range(0, len(digests), STEP):
            batch = set(digests[at : at + STEP])
            known = partial(_attached, digests=batch)
            unreferenced |= batch - await self._db.read(known, long=True)
        for find in (_named_in_inbox, _named_by_plugins):
            after: int | None = 0
            while unreferenced and after is not None:
                found, after = await self._db.read(partial(find, after=after), long=True)
                unreferenced -= found
        return unreferenced

    async def vacuum(self) -> None:
        await self._db.vacuum()


def _is_inactive(before: datetime) -> ColumnElement[bool]:
    """A conversation that is over, with no message since ``before`` and nothing waiting."""
    here = conversations.c.id
    recent = exists().where(messages.c.conversation_id == here, messages.c.at >= rows.to_ms(before))
    outgoing = exists().where(
        outbox.c.lane == conversations.c.lane,
        outbox.c.conversation_id == here,
        outbox.c.state.in_(("ready", "sending")),
    )
    incoming = exists().where(inbox.c.lane == conversations.c.lane, inbox.c.state == "ready")
    over = conversations.c.state.in_(("resolved", "bot"))
    return over & ~recent & ~outgoing & ~incoming


def _seen(connection: Connection, walk: _Walk) -> Sequence[int]:
    """The next conversations that began before the limit, or in the future."""
    opened = conversations.c.opened_at
    chosen = (opened < rows.to_ms(walk.before)) | (opened > rows.to_ms(walk.future))
    ids = select(conversations.c.id).where(conversations.c.id > walk.after, chosen)
    return connection.execute(ids.order_by(conversations.c.id).limit(walk.limit)).scalars().all()


def _find_inactive(
    connection: Connection, seen: Sequence[int], walk: _Walk
) -> tuple[list[int], RetentionStep]:
    chosen = select(conversations.c.id).where(
        conversations.c.id.in_(seen),
        conversations.c.opened_at < rows.to_ms(walk.before),
        _is_inactive(walk.before),
    )
    found = list(connection.execute(chosen.order_by(conversations.c.id)).scalars())
    after = seen[-1] if len(seen) == walk.limit else None
    return found, RetentionStep(count=len(found), after=after)


def _future_messages(
    connection: Connection, seen: Sequence[int], walk: _Walk
) -> tuple[Sequence[int], Sequence[int], Sequence[int]]:
    """The ids of the conversations that began in the future, of those whose last message is of the
    future, and of the messages that are."""
    limit = rows.to_ms(walk.future)
    opened = select(conversations.c.id).where(
        conversations.c.id.in_(seen), conversations.c.opened_at > limit
    )
    last = select(conversations.c.id).where(
        conversations.c.id.in_(seen), conversations.c.last_at > limit
    )
    written = select(messages.c.id).where(
        messages.c.conversation_id.in_(seen), messages.c.at > limit
    )
    opened_ids, last_ids, written_ids = (
        connection.execute(chosen).scalars().all() for chosen in (opened, last, written)
    )
    return opened_ids, last_ids, written_ids


def _correct_times(
    connection: Connection,
    opened: Sequence[int],
    last: Sequence[int],
    written: Sequence[int],
    now: datetime,
) -> None:
    for table, column, ids in (
        (conversations, "opened_at", opened),
        (conversations, "last_at", last),
        (messages, "at", written),
    ):
        chosen = update(table).where(table.c.id.in_(ids))
        connection.execute(chosen.values({column: rows.to_ms(now)}))


def _export_conversation(connection: Connection, conversation: int) -> Json:
    select_rows = partial(decrypted_rows, connection)
    [row] = select_rows(conversations, conversations.c.id == conversation)
    exported: dict[str, Any] = {"conversation": row}
    exported["customer"] = select_rows(customers, customers.c.id == row["customer_id"])
    for name, table in CONVERSATION_TABLES:
        exported[name] = select_rows(table, table.c.conversation_id == conversation)
    message_ids = select(messages.c.id).where(messages.c.conversation_id == conversation)
    exported["attachments"] = select_rows(attachments, attachments.c.message_id.in_(message_ids))
    return exported


def _delete_conversations(connection: Connection, chosen: Sequence[int], before: datetime) -> int:
    still_inactive = connection.execute(
        select(conversations.c.id, conversations.c.customer_id).where(
            conversations.c.id.in_(chosen), _is_inactive(before)
        )
    ).all()
    ids = [row.id for row in still_inactive]
    connection.execute(delete(inbox).where(inbox.c.conversation_id.in_(ids)))
    delete_conversation_rows(connection, ids)
    connection.execute(delete(conversations).where(conversations.c.id.in_(ids)))
    for customer in {row.customer_id for row in still_inactive}:
        forget_customer(connection, customer)
    return len(ids)


def forget_customer(connection: Connection, customer: int) -> None:
    """Delete a customer without conversations, with their addresses. Keeps one who opted out,
    which must be remembered, and one whose addresses were linked by somebody's decision."""
    own = identities.c.customer_id == customer
    needed = (
        exists().where(conversations.c.customer_id == customer)
        | exists().where(links.c.customer_id == customer)
        | exists().where(own, identities.c.opted_out)
    )
    free = select(customers.c.id).where(
        customers.c.id == customer, customers.c.opted_out.is_(False), ~needed
    )
    if connection.execute(free).scalar() is not None:
        connection.execute(delete(identities).where(own))
        delete_if_empty(connection, customer)


def _find_finished(
    connection: Connection, kind: str, here: _Walk, *, correct: bool
) -> tuple[list[int], RetentionStep]:
    """The ids of the finished rows that are old enough among the next ones."""
    before, future = rows.to_ms(here.before), rows.to_ms(here.future)
    if kind == "attachments":
        walk = (
            select(attachments.c.id, messages.c.at, true())
            .join(messages, messages.c.id == attachments.c.message_id)
            .where(attachments.c.id > here.after)
            .order_by(attachments.c.id)
        )
    else:
        table, time, done = _FINISHED[kind]
        walk = select(table.c.id, time, done).where(table.c.id > here.after).order_by(table.c.id)
    seen = connection.execute(walk.limit(here.limit)).all()
    ids = [row[0] for row in seen if row[1] < before and row[2]]
    if (
        correct and here.now is not None and kind != "attachments"
    ):  # an attachment is as old as its message
        table, time, _ = _FINISHED[kind]
        wrong = [row[0] for row in seen if row[1] > future]
        corrected = update(table).where(table.c.id.in_(wrong))
        connection.execute(corrected.values({time: rows.to_ms(here.now)})) if wrong else None
    is_end = len(seen) < here.limit or any(before <= row[1] <= future for row in seen)
    return ids, RetentionStep(count=len(ids), after=None if is_end else seen[-1][0])


def _attached(connection: Connection, *, digests: set[str]) -> set[str]:
    known = select(attachments.c.digest).where(attachments.c.digest.in_(digests))
    return set(connection.execute(known).scalars())


def _named_in_inbox(connection: Connection, *, after: int) -> tuple[set[str], int | None]:
    """The digests that the next rows of the inbox name, and where the following step begins.

    A waiting row names its files. A handled one does not (its message does), except the mail that
    it was parsed from, which is kept as long as the row.
    """
    walk = select(inbox.c.id).where(inbox.c.id > after).order_by(inbox.c.id).limit(STEP)
    ids = connection.execute(walk).scalars().all()
    here = inbox.c.id.in_(ids)
    waits = (inbox.c.state != "handled") | (inbox.c.kind == "unreadable")
    handled = select(inbox.c.lane, inbox.c.payload).where(
        here, ~waits, inbox.c.kind.in_(("message", "edit"))
    )
    raws = {_raw_of(connection, row) for row in connection.execute(handled)}
    found = named_files(connection, here & waits) | {raw for raw in raws if raw}
    return found, ids[-1] if len(ids) == STEP else None


def _raw_of(connection: Connection, row: Any) -> str | None:
    """The digest of the mail that a handled row was parsed from; None when it is damaged."""
    try:
        payload = rows.decrypted(connection, "inbox.payload", row.lane, row.payload)
        return rows.from_json(payload, Inbound).raw
    except (BadKey, msgspec.DecodeError, UnicodeError):
        rows.report_unreadable(connection, "inbox.payload")
        return None


def _named_by_plugins(connection: Connection, *, after: int) -> tuple[set[str], int | None]:
    """The digests in the next rows of plugin storage: work that a plugin has not finished yet."""
    table = notes_of_guests
    walk = select(table).where(table.c.id > after).order_by(table.c.id).limit(STEP)
    found = connection.execute(walk).all()
    texts = [
        rows.readable(connection, "notes_of_guests.value", f"{row.guest}/{row.key}", row.value)
        for row in found
    ]
    digests = {digest for text in texts for digest in DIGEST.findall(text)}
    return digests, found[-1].id if len(found) == STEP else None
