"""The inbox: what came in, in the order of its commits, until it is handled.

Rows that arrive at the same moment are inserted by one statement: SQLite's driver releases the
interpreter's lock during each statement and must win it back afterwards. One INSERT of many rows
waits for it once, which gave half as many accepts again per second.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from datetime import datetime, timedelta

import msgspec
from msgspec.structs import astuple
from sqlalchemy import Connection, Dialect, bindparam, func, select, text, update

from gateway.adapters.encryption import BadKey
from gateway.adapters.sql import rows
from gateway.adapters.sql.engine import dialect
from gateway.adapters.sql.engine.base import LaneBusy, SqlDatabase
from gateway.adapters.sql.engine.prepared import PreparedStatement, Statement
from gateway.adapters.sql.processes import ProcessLease
from gateway.adapters.sql.schema import inbox, messages
from gateway.adapters.sql.turns.album import hold
from gateway.adapters.sql.turns.commit import commit_turn
from gateway.adapters.sql.turns.fetch import LOOK_AGAIN, fetch_turn, lease_head
from gateway.adapters.sql.turns.held import delete_held, held_answers, hold_until
from gateway.adapters.sql.turns.side_effects import leave
from gateway.adapters.sql.webhooks import WebhookRecorder
from gateway.model import Accepted, Address, Agent, Conversation, HeldAnswer, Inbound, Message
from gateway.ports import NotFound
from gateway.store import (
    ANSWERED_ELSEWHERE,
    AgentMessage,
    CommittedTurn,
    ConversationEvent,
    InboxEntry,
    NotBefore,
    TurnOutcome,
    WorkItem,
)

DESK = "desk"
"""The channel of agents' messages, and the prefix that keeps their keys apart from a customer's
ids."""
_HEADS = select(func.min(inbox.c.id)).where(inbox.c.state == "ready").group_by(inbox.c.lane)
_BY_REMOTE_ID = PreparedStatement(
    select(inbox.c.id, inbox.c.conversation_id).where(
        inbox.c.lane == bindparam("lane"), inbox.c.remote_id == bindparam("remote_id")
    )
)
_NEWEST = PreparedStatement(select(inbox.c.id).order_by(inbox.c.id.desc()).limit(bindparam("many")))


class InboxRow(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A new row. The fields are its columns; ``received_at`` is in milliseconds since 1970. A
    (lane, remote id) is stored once."""

    lane: str
    channel: str
    kind: str
    remote_id: str | None = None
    conversation_id: int | None = None
    payload: str
    received_at: int


class InboxInsert(PreparedStatement):
    """Inserts ``many`` rows, except those whose (lane, remote id) is already stored."""

    def __init__(self, many: int) -> None:
        # SQLite and PostgreSQL read this text alike; Core has a construct for each.
        names = InboxRow.__struct_fields__
        row = "({}, 'ready', 0, 0)"
        values = (
            row.format(", ".join(f":{name}{number}" for name in names)) for number in range(many)
        )
        into = f"INSERT INTO inbox ({', '.join(names)}, state, attempts, due_at)"
        sql = f"{into} VALUES {', '.join(values)} ON CONFLICT DO NOTHING"
        super().__init__(text(sql))
        self._many = many
        self._returning = text(f"{sql} RETURNING id")

    def insert(self, connection: Connection, new: Sequence[InboxRow]) -> Sequence[int]:
        """Insert the rows; return the ids of the stored ones, in the order of the rows."""
        cursor = self.run(connection, [value for row in new for value in astuple(row)])
        if dialect.is_postgres(connection):
            return sorted(id for (id,) in cursor.fetchall())
        if cursor.rowcount == self._many:  # SQLite has one writer: the ids follow one another
            return range(cursor.lastrowid - self._many + 1, cursor.lastrowid + 1)
        return sorted(row.id for row in _NEWEST.all(connection, {"many": cursor.rowcount}))

    def _for_dialect(self, dialect: Dialect) -> Statement:
        # RETURNING makes the statement half as expensive again on SQLite.
        return self._statement if dialect.name == "sqlite" else self._returning


_INSERTS = tuple((many, InboxInsert(many)) for many in (64, 32, 16, 8, 4, 2, 1))
"""A few fixed numbers of rows, the largest first, so that few statements are prepared."""


class SqlInbox:
    """See `store.Inbox`. ``idle``: how long after the last message a conversation that the bot has
    is over."""

    def __init__(
        self,
        database: SqlDatabase,
        lease: ProcessLease,
        *,
        idle: timedelta,
        webhooks: WebhookRecorder,
    ) -> None:
        self._db, self._lease, self._idle, self._webhooks = database, lease, idle, webhooks

    async def accept(self, message: Inbound, at: datetime) -> Accepted:
        lane, remote_id = message.address.lane, message.remote_id
        row = InboxRow(
            lane=lane,
            channel=message.address.channel,
            kind=message.kind,
            remote_id=_customer_remote_id(remote_id) if remote_id else remote_id,
            payload=self._db.keys.seal(rows.to_json(message), f"inbox.payload:{lane}"),
            received_at=rows.to_ms(at),
        )
        if message.album is not None:
            return await self._db.write(lambda c: _insert_held(c, row, at))
        accepted = await self._db.write_batched(insert_rows, row)
        if accepted.duplicate and message.fingerprint is not None:
            stored = await self._db.read(lambda c: _fingerprint(c, accepted.turn))
            if stored not in (None, message.fingerprint):
                again = msgspec.structs.replace(
                    row, remote_id=f"{row.remote_id} {message.fingerprint}"
                )
                return await self._db.write_batched(insert_rows, again)
        return accepted

    async def accept_agent_message(
        self,
        message: AgentMessage,
        lane: str,
        key: str,
        at: datetime,
        *,
        due: datetime | None = None,
        leaves: Conversation | None = None,
    ) -> Accepted:
        payload = self._db.keys.seal(rows.to_json(message), f"inbox.payload:{lane}")
        row = agent_row(lane, key, message.conversation, payload, at)
        if leaves is not None:
            return await self._db.write(
                lambda c: _insert_leaving(c, row, leaves, message.agent, at), key=lane
            )
        if due is not None:
            return await self._db.write(lambda c: _insert_due(c, row, due), key=lane)
        return await self._db.write_batched(insert_rows, row)

    async def held(self, lane: str, at: datetime) -> tuple[HeldAnswer, ...]:
        return await self._db.read(lambda c: held_answers(c, lane, at))

    async def take_back(self, conversation: int, turn: int, agent: str) -> HeldAnswer | None:
        return await self._db.write(lambda c: delete_held(c, conversation, turn, agent))

    async def find_agent_message(self, lane: str, key: str) -> Accepted | None:
        values = {"lane": lane, "remote_id": f"{DESK}:{key}"}
        row = await self._db.read(lambda c: _BY_REMOTE_ID.one(c, values))
        if row is None:
            return None
        return Accepted(turn=row.id, duplicate=True, conversation=row.conversation_id)

    async def take(self, lane: str, at: datetime) -> WorkItem | NotBefore | None:
        if not self._db.shared:
            return await self._db.read(lambda c: fetch_turn(c, lane, at, self._idle))
        try:
            return await self._db.write(
                lambda c: (
                    lease_head(c, self._lease, lane, at) or fetch_turn(c, lane, at, self._idle)
                ),
                key=lane,
            )
        except LaneBusy:
            return NotBefore(at=at + LOOK_AGAIN)

    async def commit(self, outcome: TurnOutcome, at: datetime) -> CommittedTurn:
        return await self._db.write(
            lambda c: self._webhooks.turn(c, outcome, commit_turn(c, outcome, at), at),
            key=outcome.work.lane,
        )

    async def mark_failed(self, turn: int, error: str, *, retry_at: datetime | None) -> None:
        values: dict[str, object] = {
            "attempts": inbox.c.attempts + 1,
            "error": error,
            "process": None,
        }
        values |= {"due_at": rows.to_ms(retry_at)} if retry_at else {"state": "stuck"}
        change = update(inbox).where(inbox.c.id == turn, inbox.c.state == "ready").values(values)
        await self._db.write(lambda c: c.execute(change).rowcount)

    async def lanes(self) -> tuple[str, ...]:
        ready = select(inbox.c.lane).where(inbox.c.state == "ready").distinct()
        return await self._db.read(lambda c: tuple(c.execute(ready).scalars()))

    async def count_interrupted(self, at: datetime) -> int:
        if self._db.shared:
            return 0  # `lease_head` counts
        # What was not due, nobody handled: an answer that is held can still be taken back.
        handled = inbox.c.id.in_(_HEADS) & (inbox.c.due_at <= rows.to_ms(at))
        count = update(inbox).where(handled).values(attempts=inbox.c.attempts + 1)
        return await self._db.write(lambda c: c.execute(count).rowcount)

    async def handled(self, turn: int) -> tuple[Message, ...] | None:
        return await self._db.read(lambda c: _replies(c, turn))

    async def list(self, state: str) -> tuple[InboxEntry, ...]:
        chosen = select(inbox).where(inbox.c.state == state).order_by(inbox.c.id).limit(1000)
        return await self._db.read(
            lambda c: tuple(
                InboxEntry(
                    id=row.id,
                    channel=row.channel,
                    kind=row.kind,
                    state=row.state,
                    attempts=row.attempts,
                    error=row.error,
                    received_at=rows.from_ms(row.received_at),
                )
                for row in c.execute(chosen)
            )
        )

    async def retry(self, ids: Sequence[int] | None) -> int:
        again = (
            update(inbox)
            .where(inbox.c.state == "stuck")
            .values(state="ready", attempts=0, due_at=0, error=None, process=None)
        )
        if ids is not None:
            again = again.where(inbox.c.id.in_(ids))
        return await self._db.write(lambda c: c.execute(again).rowcount)


def agent_row(lane: str, key: str, conversation: int, payload: str, at: datetime) -> InboxRow:
    """The row of an agent's message; ``payload`` is encrypted already."""
    return InboxRow(
        lane=lane,
        channel=DESK,
        kind="agent",
        remote_id=f"{DESK}:{key}",
        payload=payload,
        received_at=rows.to_ms(at),
        conversation_id=conversation,
    )


def insert_rows(connection: Connection, new: Sequence[InboxRow]) -> list[Accepted]:
    """Insert the rows in their order; return for each the stored row, or the earlier one with the
    same (lane, remote id)."""
    dialect.lock(connection, dialect.INBOX_LOCK, (row.lane for row in new))
    ids: list[int] = []
    at = 0
    for size, statement in _INSERTS:
        while len(new) - at >= size:
            ids += statement.insert(connection, new[at : at + size])
            at += size
    if len(ids) == len(new):
        return [Accepted(turn=id) for id in ids]
    stored = deque(ids)
    return [_accepted(connection, row, stored) for row in new]


def _insert_held(connection: Connection, row: InboxRow, at: datetime) -> Accepted:
    """Insert a row of an album, which waits for the next one."""
    [accepted] = insert_rows(connection, [row])
    if not accepted.duplicate:
        hold(connection, row.lane, accepted.turn, at)
    return accepted


def _insert_due(connection: Connection, row: InboxRow, due: datetime) -> Accepted:
    """Insert an agent's answer that waits until ``due``."""
    [accepted] = insert_rows(connection, [row])
    if not accepted.duplicate:
        hold_until(connection, accepted.turn, due)
    return accepted


def _insert_leaving(
    connection: Connection, row: InboxRow, here: Conversation, agent: Agent, at: datetime
) -> Accepted:
    """Insert an agent's answer at another address, and end ``here``."""
    dialect.lock(connection, dialect.INBOX_LOCK, (row.lane, here.address.lane))
    [accepted] = insert_rows(connection, [row])
    left = None if accepted.duplicate else leave(connection, here.id, agent, at)
    if left is not None:
        address = Address.from_lane(row.lane)
        event = ConversationEvent(
            conversation=left.id,
            name=ANSWERED_ELSEWHERE,
            epoch=left.epoch,
            data={"address": address.value},
        )
        insert_event(connection, left.address.lane, "event", event, at)
    return accepted


def insert_event(
    connection: Connection, lane: str, kind: str, event: ConversationEvent, at: datetime
) -> None:
    """Insert a due timer or an event, in order with the customer's messages."""
    row = InboxRow(
        lane=lane,
        channel=Address.from_lane(lane).channel,
        kind=kind,
        payload=rows.encrypted(connection, "inbox.payload", lane, rows.to_json(event)),
        received_at=rows.to_ms(at),
        conversation_id=event.conversation,
    )
    insert_rows(connection, [row])


def _accepted(connection: Connection, row: InboxRow, stored: deque[int]) -> Accepted:
    """``stored``: the ids of those of this row and the following ones that were stored."""
    if row.remote_id is None:
        return Accepted(turn=stored.popleft())
    known = _BY_REMOTE_ID.scalar(connection, {"lane": row.lane, "remote_id": row.remote_id})
    if stored and stored[0] == known:
        return Accepted(turn=stored.popleft())
    return Accepted(turn=known, duplicate=True)


def _fingerprint(connection: Connection, turn: int) -> str | None:
    """The fingerprint of the message in row ``turn``."""
    chosen = select(inbox.c.lane, inbox.c.payload).where(inbox.c.id == turn)
    row = connection.execute(chosen).one_or_none()
    if row is None:
        return None
    try:
        payload = rows.decrypted(connection, "inbox.payload", row.lane, row.payload)
        return rows.from_json(payload, Inbound).fingerprint
    except (BadKey, msgspec.DecodeError, UnicodeError):
        return None


def _customer_remote_id(remote_id: str) -> str:
    """A customer's id as stored: never one that looks like an agent's key and takes its place."""
    return f"theirs:{remote_id}" if remote_id.startswith(f"{DESK}:") else remote_id


def _replies(connection: Connection, turn: int) -> tuple[Message, ...] | None:
    """The public replies of ``turn``; None while it is not handled. Raises NotFound."""
    row = connection.execute(select(inbox).where(inbox.c.id == turn)).one_or_none()
    if row is None:
        raise NotFound(f"there is no turn {turn}")
    if row.state == "ready":
        return None
    replies = (
        select(messages)
        .where(
            messages.c.lane == row.lane,
            messages.c.turn_id == turn,
            messages.c.id > (row.message_id or 0),
            messages.c.author.in_(("bot", "agent")),
            messages.c.internal.is_(False),
        )
        .order_by(messages.c.id)
    )
    return tuple(rows.message(connection, found) for found in connection.execute(replies))
