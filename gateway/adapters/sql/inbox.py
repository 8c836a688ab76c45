"""The inbox: what came in, in the order of its commits, until it is handled."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import Connection, func, select, update

from gateway.adapters.sql import committing, rows, taking
from gateway.adapters.sql.accepting import SAME, Arrival, Door
from gateway.adapters.sql.hands import LOOK_AGAIN, in_hand
from gateway.adapters.sql.herald import Herald
from gateway.adapters.sql.processes import Me
from gateway.adapters.sql.schema import inbox, messages
from gateway.adapters.sql.units import AnyDatabase, HeldUp
from gateway.model import Accepted, Inbound, Message
from gateway.ports import NotFound
from gateway.store import AgentMessage, CommittedTurn, InboxEntry, NotBefore, TurnOutcome, WorkItem

HEADS = select(func.min(inbox.c.id)).where(inbox.c.state == "ready").group_by(inbox.c.lane)
SAID = "desk"
"""The channel name of agents' messages, and the prefix that keeps their keys from meeting a
customer's ids."""


class SqlInbox:
    """The first durable wait."""

    def __init__(self, database: AnyDatabase, me: Me, *, idle: timedelta, herald: Herald) -> None:
        self._db, self._me, self._herald = database, me, herald
        self._door = Door(database)
        self._idle = idle

    async def accept(self, message: Inbound, at: datetime) -> Accepted:
        lane, remote_id = message.address.lane, message.remote_id
        payload = self._db.keys.seal(rows.pack(message), f"inbox.payload:{lane}")
        return await self._door.accept(
            Arrival(
                lane=lane,
                channel=message.address.channel,
                kind=message.kind,
                remote_id=_theirs(remote_id) if remote_id else remote_id,
                payload=payload,
                received_at=rows.ms(at),
            )
        )

    async def say(self, said: AgentMessage, lane: str, key: str, at: datetime) -> Accepted:
        return await self._door.accept(
            Arrival(
                lane=lane,
                channel=SAID,
                kind="agent",
                remote_id=f"{SAID}:{key}",
                payload=self._db.keys.seal(rows.pack(said), f"inbox.payload:{lane}"),
                received_at=rows.ms(at),
                conversation_id=said.conversation,
            )
        )

    async def said(self, lane: str, key: str) -> Accepted | None:
        asked = {"lane": lane, "remote_id": f"{SAID}:{key}"}
        turn = await self._db.read(lambda c: SAME.scalar(c, asked))
        return None if turn is None else Accepted(turn=turn, duplicate=True)

    async def take(self, lane: str, at: datetime) -> WorkItem | NotBefore | None:
        if not self._db.shared:
            return await self._db.read(lambda c: taking.take(c, lane, at, self._idle))
        try:
            return await self._db.write(
                lambda c: in_hand(c, self._me, lane, at) or taking.take(c, lane, at, self._idle),
                key=lane,
            )
        except HeldUp:
            return NotBefore(at=at + LOOK_AGAIN)

    async def commit(self, outcome: TurnOutcome, at: datetime) -> CommittedTurn:
        return await self._db.write(
            lambda c: self._herald.turn(c, outcome, committing.commit(c, outcome, at), at),
            key=outcome.work.lane,
        )

    async def failed(self, turn: int, error: str, *, retry_at: datetime | None) -> None:
        values: dict[str, object] = {
            "attempts": inbox.c.attempts + 1,
            "error": error,
            "process": None,
        }
        values |= {"due_at": rows.ms(retry_at)} if retry_at else {"state": "stuck"}
        change = update(inbox).where(inbox.c.id == turn, inbox.c.state == "ready").values(values)
        await self._db.write(lambda c: c.execute(change).rowcount)

    async def lanes(self) -> tuple[str, ...]:
        ready = select(inbox.c.lane).where(inbox.c.state == "ready").distinct()
        return await self._db.read(lambda c: tuple(c.execute(ready).scalars()))

    async def survived(self) -> int:
        if self._db.shared:
            return 0  # `in_hand` counts
        count = update(inbox).where(inbox.c.id.in_(HEADS)).values(attempts=inbox.c.attempts + 1)
        return await self._db.write(lambda c: c.execute(count).rowcount)

    async def handled(self, turn: int) -> tuple[Message, ...] | None:
        return await self._db.read(lambda c: _handled(c, turn))

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
                    received_at=rows.when(row.received_at),
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


def _theirs(remote_id: str) -> str:
    """A customer's id as it is kept: none is like an agent's key, or it could take its place."""
    return f"theirs:{remote_id}" if remote_id.startswith(f"{SAID}:") else remote_id


def _handled(connection: Connection, turn: int) -> tuple[Message, ...] | None:
    row = connection.execute(select(inbox).where(inbox.c.id == turn)).one_or_none()
    if row is None:
        raise NotFound(f"there is no turn {turn}")
    if row.state == "ready":
        return None
    said = (
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
    return tuple(rows.message(connection, found) for found in connection.execute(said))
