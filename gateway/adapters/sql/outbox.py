"""The outbox: what is to be sent, in order within each lane."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Connection, Row, bindparam, case, exists, or_, select, update

from gateway.adapters.sql import consent, rows
from gateway.adapters.sql.hands import LOOK_AGAIN
from gateway.adapters.sql.herald import Herald
from gateway.adapters.sql.processes import Me, bury
from gateway.adapters.sql.schema import conversations, identities, messages, outbox, processes
from gateway.adapters.sql.units import AnyDatabase, HeldUp
from gateway.model import Fact, Outbound, Sent, Status
from gateway.store import NotBefore, OutboxEntry, OutboxItem

_HEAD = (
    select(outbox)
    .where(outbox.c.lane == bindparam("lane"), outbox.c.state.in_(("ready", "sending")))
    .order_by(outbox.c.id)
    .limit(1)
)
_CURRENT = (
    select(conversations.c.epoch)
    .where(conversations.c.id == outbox.c.conversation_id)
    .scalar_subquery()
)
_TAKE = (
    update(outbox)
    .where(
        outbox.c.id == bindparam("row"),
        outbox.c.state == "ready",
        or_(outbox.c.author == "agent", outbox.c.epoch == _CURRENT),
    )
    .values(state="sending", attempts=outbox.c.attempts + 1, process=bindparam("me"))
)
_STATE = update(outbox).where(outbox.c.id == bindparam("row"))
_MESSAGE = update(messages).where(
    messages.c.id
    == select(outbox.c.message_id).where(outbox.c.id == bindparam("row")).scalar_subquery()
)
_THREAD = (
    select(messages.c.remote_id)
    .where(
        messages.c.conversation_id == bindparam("conversation"),
        messages.c.remote_id.is_not(None),
    )
    .order_by(messages.c.id.desc())
    .limit(20)
)
_SENT = _STATE.values(state="sent", error=None)
# A receipt may have come before; its word is the later one.
_SENT_MESSAGE = _MESSAGE.values(
    status=case((messages.c.status.in_(("queued", "unsure")), "sent"), else_=messages.c.status),
    remote_id=bindparam("remote"),
)
_DISCARD = _STATE.where(outbox.c.state == "ready").values(
    state="discarded", error="a person took the conversation"
)
CERTAIN = messages.c.status != "unsure"
"""What may have arrived once is not called back: it stays `unsure`."""
_DISCARD_MESSAGE = _MESSAGE.where(CERTAIN).values(status="discarded")
_OUTBOUND = msgspec.json.Decoder(Outbound)


class SqlOutbox:
    """The second durable wait."""

    def __init__(self, database: AnyDatabase, me: Me, herald: Herald) -> None:
        self._db, self._me, self._herald = database, me, herald

    async def take(self, lane: str, at: datetime) -> OutboxItem | NotBefore | None:
        try:
            return await self._db.write(lambda c: _take(c, self._me, lane, at), key=lane)
        except HeldUp:
            return NotBefore(at=at + LOOK_AGAIN)

    async def sent(self, id: int, sent: Sent) -> None:
        def unit(connection: Connection) -> None:
            connection.execute(_SENT, {"row": id})
            connection.execute(_SENT_MESSAGE, {"row": id, "remote": sent.remote_id})
            if sent.facts:
                _learn(connection, id, sent.facts)
            self._herald.sent(connection, id, "sent")

        await self._db.write(unit)

    async def later(
        self, id: int, error: str, due: datetime, *, may_have_arrived: bool = False
    ) -> None:
        again = _STATE.where(self._mine()).values(state="ready", error=error, due_at=rows.ms(due))

        def unit(connection: Connection) -> None:
            mine = connection.execute(again, {"row": id}).rowcount == 1
            if mine and may_have_arrived:
                connection.execute(_MESSAGE.values(status="unsure"), {"row": id})

        await self._db.write(unit)

    async def over(
        self,
        id: int,
        status: Status,
        error: str,
        *,
        unreachable: bool = False,
        opted_out: bool = False,
    ) -> None:
        state = "dead" if status == "failed" else status

        def unit(connection: Connection) -> None:
            closed = _STATE.where(self._mine()).values(state=state, error=error)
            if connection.execute(closed, {"row": id}).rowcount != 1:
                return
            connection.execute(_MESSAGE.values(status=status), {"row": id})
            self._herald.sent(connection, id, status, error=error)
            if unreachable:
                connection.execute(_unreachable(id))
            if opted_out:
                lane = connection.execute(select(outbox.c.lane).where(outbox.c.id == id)).scalar()
                if lane is not None:  # else the customer was erased meanwhile
                    consent.record(connection, consent.address_of(lane), "out")

        await self._db.write(unit)

    async def cut_off(self) -> tuple[OutboxItem, ...]:
        return await self._db.write(lambda c: _cut_off(c, self._me, shared=self._db.shared))

    def _mine(self) -> ColumnElement[bool]:
        """Still on its way by us: what another process has taken over is its to settle."""
        return (outbox.c.state == "sending") & outbox.c.process.is_not_distinct_from(self._me.id)

    async def lanes(self) -> tuple[str, ...]:
        waiting = select(outbox.c.lane).where(outbox.c.state.in_(("ready", "sending"))).distinct()
        return await self._db.read(lambda c: tuple(c.execute(waiting).scalars()))

    async def list(self) -> tuple[OutboxEntry, ...]:
        chosen = (
            select(outbox)
            .where(outbox.c.state.in_(("dead", "unsure")))
            .order_by(outbox.c.id)
            .limit(1000)
        )
        return await self._db.read(lambda c: tuple(_line(row) for row in c.execute(chosen)))

    async def retry(self, ids: Sequence[int] | None) -> int:
        return await self._db.write(lambda c: _retry(c, ids))


def _take(connection: Connection, me: Me, lane: str, at: datetime) -> OutboxItem | NotBefore | None:
    while (row := connection.execute(_HEAD, {"lane": lane}).one_or_none()) is not None:
        if row.state == "sending":
            return None  # whoever took it wakes the lane when it is over
        if consent.is_out(connection, consent.address_of(lane)):
            consent.discard(connection, lane)
            return None
        if row.due_at > rows.ms(at):
            return NotBefore(at=rows.when(row.due_at))
        if connection.execute(_TAKE, {"row": row.id, "me": me.id}).rowcount == 1:
            return _parcel(connection, row, attempts=row.attempts + 1)
        if connection.execute(_DISCARD, {"row": row.id}).rowcount == 1:
            connection.execute(_DISCARD_MESSAGE, {"row": row.id})
    return None


def _cut_off(connection: Connection, me: Me, *, shared: bool) -> tuple[OutboxItem, ...]:
    """Of two processes that look at the same time each gets the rows that the other has not."""
    alive = exists().where(processes.c.id == outbox.c.process)
    theirs = outbox.c.process.is_distinct_from(me.id) | outbox.c.process.is_(None)
    cut = select(outbox).where(outbox.c.state == "sending", theirs).order_by(outbox.c.id)
    if shared:
        bury(connection, me)
        cut = cut.where(~alive).with_for_update(skip_locked=True)
    found = connection.execute(cut).all()
    for row in found:
        connection.execute(_STATE.values(process=me.id), {"row": row.id})
    return tuple(_parcel(connection, row) for row in found)


def _parcel(connection: Connection, row: Row[Any], attempts: int | None = None) -> OutboxItem:
    tries = row.attempts if attempts is None else attempts
    thread = connection.execute(_THREAD, {"conversation": row.conversation_id}).scalars()
    payload = rows.opened(connection, "outbox.payload", row.lane, row.payload)
    outbound = _OUTBOUND.decode(payload).replace(id=row.id, attempt=tries, thread=tuple(thread))
    return OutboxItem(
        outbound=outbound, lane=row.lane, conversation=row.conversation_id, attempts=tries
    )


def _learn(connection: Connection, id: int, facts: tuple[Fact, ...]) -> None:
    """Keep what a channel told of a message with the message."""
    its = select(outbox.c.message_id).where(outbox.c.id == id).scalar_subquery()
    row = connection.execute(
        select(messages).where(messages.c.id == its).with_for_update()
    ).one_or_none()
    if row is None:
        return  # the customer was erased meanwhile
    known = rows.message(connection, row)
    names = {fact.name for fact in facts}
    kept = tuple(fact for fact in known.facts if fact.name not in names)
    data = rows.message_values(connection, known.replace(facts=(*kept, *facts)), row.lane)["data"]
    connection.execute(update(messages).where(messages.c.id == row.id).values(data=data))


def _unreachable(id: int) -> Any:
    here = select(outbox.c.lane).where(outbox.c.id == id).scalar_subquery()
    return (
        update(identities)
        .where(identities.c.channel + ":" + identities.c.value == here)
        .values(unreachable=True)
    )


def _line(row: Row[Any]) -> OutboxEntry:
    return OutboxEntry(
        id=row.id,
        channel=row.channel,
        conversation=row.conversation_id,
        state=row.state,
        attempts=row.attempts,
        error=row.error,
        created_at=rows.when(row.created_at),
    )


def _retry(connection: Connection, ids: Sequence[int] | None) -> int:
    """A person decided to send again: the epoch no longer speaks against it."""
    chosen: ColumnElement[bool] = outbox.c.state.in_(("dead", "unsure"))
    if ids is not None:
        chosen &= outbox.c.id.in_(ids)
    connection.execute(
        update(messages)
        .where(messages.c.id.in_(select(outbox.c.message_id).where(chosen)))
        .values(status="queued")
    )
    again = (
        update(outbox)
        .where(chosen)
        .values(state="ready", attempts=0, due_at=0, error=None, epoch=_CURRENT)
    )
    return connection.execute(again).rowcount
