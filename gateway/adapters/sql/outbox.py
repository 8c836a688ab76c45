"""The outbox: what is to be sent, in order within each lane."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Connection, Row, bindparam, case, exists, or_, select, update

from gateway.adapters.encryption import BadKey
from gateway.adapters.sql import rows
from gateway.adapters.sql.engine.base import LaneBusy, SqlDatabase
from gateway.adapters.sql.identities import (
    IN_OUTBOX,
    discard_queued,
    is_identity,
    record_consent,
    refused_by,
    suspend,
)
from gateway.adapters.sql.processes import ProcessLease, remove_expired
from gateway.adapters.sql.schema import conversations, identities, messages, outbox, processes
from gateway.adapters.sql.turns.fetch import LOOK_AGAIN
from gateway.adapters.sql.webhooks import WebhookRecorder
from gateway.model import UNREADABLE, Address, Fact, Outbound, Sent, Status
from gateway.pipeline.outcomes import OPTED_OUT, SUSPENDED
from gateway.store import NotBefore, OutboxEntry, OutboxItem

NOT_UNSURE = messages.c.status != "unsure"
"""A message that may have arrived stays ``unsure``: it is never marked as discarded."""
_HEAD = (
    select(outbox)
    .where(outbox.c.lane == bindparam("lane"), IN_OUTBOX)
    .order_by(outbox.c.id)
    .limit(1)
)
_CURRENT_EPOCH = (
    select(conversations.c.epoch)
    .where(conversations.c.id == outbox.c.conversation_id)
    .scalar_subquery()
)
_CONFIRMS_OPT_OUT = exists().where(
    messages.c.id == outbox.c.message_id, messages.c.purpose == "opt_out"
)
_TAKE = (
    update(outbox)
    .where(
        outbox.c.id == bindparam("row"),
        outbox.c.state == "ready",
        or_(outbox.c.author == "agent", outbox.c.epoch == _CURRENT_EPOCH, _CONFIRMS_OPT_OUT),
    )
    .values(state="sending", attempts=outbox.c.attempts + 1, process=bindparam("own"))
)
_ROW = update(outbox).where(outbox.c.id == bindparam("row"))
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
_ANSWER = messages.alias("answer")
_QUESTION = (
    select(messages.c.text, messages.c.lane)
    .join(_ANSWER, _ANSWER.c.conversation_id == messages.c.conversation_id)
    .where(
        _ANSWER.c.id == bindparam("message"),
        messages.c.id < _ANSWER.c.id,
        messages.c.author == "customer",
    )
    .order_by(messages.c.id.desc())
    .limit(1)
)
_SENT = _ROW.values(state="sent", error=None)
# A receipt may have come first; its status is the later one.
_SENT_MESSAGE = _MESSAGE.values(
    status=case((messages.c.status.in_(("queued", "unsure")), "sent"), else_=messages.c.status),
    remote_id=bindparam("remote"),
)
_DISCARD = _ROW.where(outbox.c.state == "ready").values(
    state="discarded", error="a person took the conversation"
)
_DISCARD_MESSAGE = _MESSAGE.where(NOT_UNSURE).values(status="discarded")
_OUTBOUND = msgspec.json.Decoder(Outbound)


class SqlOutbox:
    """See `store.Outbox`."""

    def __init__(
        self, database: SqlDatabase, lease: ProcessLease, webhooks: WebhookRecorder
    ) -> None:
        self._db, self._lease, self._webhooks = database, lease, webhooks

    async def take(self, lane: str, at: datetime) -> OutboxItem | NotBefore | None:
        try:
            return await self._db.write(lambda c: _take(c, self._lease, lane, at), key=lane)
        except LaneBusy:
            return NotBefore(at=at + LOOK_AGAIN)

    async def question(self, message: int) -> str | None:
        def job(connection: Connection) -> str | None:
            row = connection.execute(_QUESTION, {"message": message}).one_or_none()
            if row is None:
                return None
            text: str = rows.readable(connection, "messages.text", row.lane, row.text)
            return None if text == UNREADABLE else text

        return await self._db.read(job)

    async def mark_sent(self, id: int, sent: Sent) -> None:
        def job(connection: Connection) -> None:
            connection.execute(_SENT, {"row": id})
            connection.execute(_SENT_MESSAGE, {"row": id, "remote": sent.remote_id})
            if sent.facts:
                _add_facts(connection, id, sent.facts)
            self._webhooks.sent(connection, id, "sent")

        await self._db.write(job)

    async def retry_later(
        self, id: int, error: str, due: datetime, *, may_have_arrived: bool = False
    ) -> None:
        again = _ROW.where(self._is_own()).values(
            state="ready", error=error, due_at=rows.to_ms(due)
        )

        def job(connection: Connection) -> None:
            changed = connection.execute(again, {"row": id}).rowcount == 1
            if changed and may_have_arrived:
                connection.execute(_MESSAGE.values(status="unsure"), {"row": id})

        await self._db.write(job)

    async def close(
        self,
        id: int,
        status: Status,
        error: str,
        *,
        unreachable: bool = False,
        opted_out: bool = False,
    ) -> None:
        state = "dead" if status == "failed" else status

        def job(connection: Connection) -> None:
            closed = _ROW.where(self._is_own()).values(state=state, error=error)
            if connection.execute(closed, {"row": id}).rowcount != 1:
                return
            connection.execute(_MESSAGE.values(status=status), {"row": id})
            self._webhooks.sent(connection, id, status, error=error)
            lane = connection.execute(select(outbox.c.lane).where(outbox.c.id == id)).scalar()
            if lane is None:
                return  # the customer was erased meanwhile
            if unreachable:
                here = update(identities).where(is_identity(Address.from_lane(lane)))
                connection.execute(here.values(unreachable=True))
            if opted_out:
                record_consent(connection, Address.from_lane(lane), "out")

        await self._db.write(job)

    async def take_over(self) -> tuple[OutboxItem, ...]:
        return await self._db.write(lambda c: _take_over(c, self._lease, shared=self._db.shared))

    def _is_own(self) -> ColumnElement[bool]:
        """Still being sent by this process. Another process settles what it has taken over."""
        own = outbox.c.process.is_not_distinct_from(self._lease.id)
        return (outbox.c.state == "sending") & own

    async def lanes(self) -> tuple[str, ...]:
        waiting = select(outbox.c.lane).where(IN_OUTBOX).distinct()
        return await self._db.read(lambda c: tuple(c.execute(waiting).scalars()))

    async def list(self) -> tuple[OutboxEntry, ...]:
        chosen = (
            select(outbox)
            .where(outbox.c.state.in_(("dead", "unsure")))
            .order_by(outbox.c.id)
            .limit(1000)
        )
        return await self._db.read(
            lambda c: tuple(
                OutboxEntry(
                    id=row.id,
                    channel=row.channel,
                    conversation=row.conversation_id,
                    state=row.state,
                    attempts=row.attempts,
                    error=row.error,
                    created_at=rows.from_ms(row.created_at),
                )
                for row in c.execute(chosen)
            )
        )

    async def retry(self, ids: Sequence[int] | None) -> int:
        return await self._db.write(lambda c: _retry(c, ids))


def _take(
    connection: Connection, lease: ProcessLease, lane: str, at: datetime
) -> OutboxItem | NotBefore | None:
    while (row := connection.execute(_HEAD, {"lane": lane}).one_or_none()) is not None:
        if row.state == "sending":
            return None  # whoever sends it wakes the lane afterwards
        why = refused_by(connection, Address.from_lane(lane))
        if why == OPTED_OUT:
            discard_queued(connection, lane)
            row = connection.execute(_HEAD, {"lane": lane}).one_or_none()
            if row is None:
                return None  # nothing is left but, perhaps, the confirmation of the opt-out
        elif why == SUSPENDED and row.author == "bot":  # a person may try all the same
            discard_queued(connection, lane, SUSPENDED, ("bot",))
            continue
        if row.due_at > rows.to_ms(at):
            return NotBefore(at=rows.from_ms(row.due_at))
        if connection.execute(_TAKE, {"row": row.id, "own": lease.id}).rowcount == 1:
            return _outbox_item(connection, row, row.attempts + 1)
        if connection.execute(_DISCARD, {"row": row.id}).rowcount == 1:
            connection.execute(_DISCARD_MESSAGE, {"row": row.id})
    return None


def _take_over(
    connection: Connection, lease: ProcessLease, *, shared: bool
) -> tuple[OutboxItem, ...]:
    """Take over the rows that dead processes were sending. Two processes that do so at the same
    time get different rows."""
    alive = exists().where(processes.c.id == outbox.c.process)
    others = outbox.c.process.is_distinct_from(lease.id) | outbox.c.process.is_(None)
    cut_off = select(outbox).where(outbox.c.state == "sending", others).order_by(outbox.c.id)
    if shared:
        remove_expired(connection, lease)
        cut_off = cut_off.where(~alive).with_for_update(skip_locked=True)
    found = connection.execute(cut_off).all()
    for row in found:
        connection.execute(_ROW.values(process=lease.id), {"row": row.id})
    return tuple(_outbox_item(connection, row, row.attempts) for row in found)


def _outbox_item(connection: Connection, row: Row[Any], attempts: int) -> OutboxItem:
    thread = connection.execute(_THREAD, {"conversation": row.conversation_id}).scalars()
    outbound = _read_outbound(connection, row)
    return OutboxItem(
        outbound=outbound.replace(id=row.id, attempt=attempts, thread=tuple(thread)),
        lane=row.lane,
        conversation=row.conversation_id,
        attempts=attempts,
        damaged=outbound.text == UNREADABLE,
    )


def _read_outbound(connection: Connection, row: Row[Any]) -> Outbound:
    """What to send. A damaged row is never sent: see `OutboxItem.damaged`."""
    try:
        return _OUTBOUND.decode(rows.decrypted(connection, "outbox.payload", row.lane, row.payload))
    except (BadKey, msgspec.DecodeError, UnicodeError):
        rows.report_unreadable(connection, "outbox.payload")
        return Outbound(
            id=row.id,
            message=row.message_id,
            address=Address.from_lane(row.lane),
            author="agent" if row.author == "agent" else "bot",
            at=rows.from_ms(row.created_at),
            text=UNREADABLE,
            key=row.key,
        )


def _add_facts(connection: Connection, id: int, facts: tuple[Fact, ...]) -> None:
    """Store the facts that a channel learnt by sending with the message."""
    message_id = select(outbox.c.message_id).where(outbox.c.id == id).scalar_subquery()
    row = connection.execute(
        select(messages).where(messages.c.id == message_id).with_for_update()
    ).one_or_none()
    if row is None:
        return  # the customer was erased meanwhile
    message = rows.message(connection, row)
    names = {fact.name for fact in facts}
    kept = tuple(fact for fact in message.facts if fact.name not in names)
    changed = message.replace(facts=(*kept, *facts))
    data = rows.message_values(connection, changed, row.lane)["data"]
    connection.execute(update(messages).where(messages.c.id == row.id).values(data=data))


def _retry(connection: Connection, ids: Sequence[int] | None) -> int:
    """Queue dead letters again. A person decided it, so they get the current epoch."""
    chosen: ColumnElement[bool] = outbox.c.state.in_(("dead", "unsure"))
    if ids is not None:
        chosen &= outbox.c.id.in_(ids)
    connection.execute(
        update(messages)
        .where(messages.c.id.in_(select(outbox.c.message_id).where(chosen)))
        .values(status="queued")
    )
    for lane in connection.execute(select(outbox.c.lane).where(chosen).distinct()).scalars().all():
        suspend(connection, Address.from_lane(lane), suspended=False)
    again = (
        update(outbox)
        .where(chosen)
        .values(state="ready", attempts=0, due_at=0, error=None, epoch=_CURRENT_EPOCH)
    )
    return connection.execute(again).rowcount
