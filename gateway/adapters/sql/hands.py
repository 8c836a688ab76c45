"""Whose hands the head of a lane is in, where several processes serve.

A turn is written by whoever commits it first: the state of its row is the fence. That it is in
one process's hands alone saves the others the work, and tells later which row a process died of.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import Connection, bindparam, select, update

from gateway.adapters.sql.head import READY
from gateway.adapters.sql.prepared import Prepared
from gateway.adapters.sql.processes import Me, bury, is_alive
from gateway.adapters.sql.schema import inbox
from gateway.store import NotBefore

LOOK_AGAIN = timedelta(seconds=1)
_HEAD = Prepared(
    select(inbox.c.id, inbox.c.due_at, inbox.c.process)
    .where(inbox.c.lane == bindparam("lane"), inbox.c.state == READY)
    .order_by(inbox.c.id)
    .limit(1)
)
_MINE = Prepared(
    update(inbox)
    .where(inbox.c.id == bindparam("row"), inbox.c.state == READY)
    .values(process=bindparam("me"), attempts=inbox.c.attempts + bindparam("died"))
)


def in_hand(connection: Connection, me: Me, lane: str, at: datetime) -> NotBefore | None:
    """Take the head of ``lane`` into our hands, or tell when to look again since another has it.

    From the hands of a dead process it comes with one attempt more: it may be what killed it.
    Call in a transaction that holds the lane.
    """
    head = _HEAD.one(connection, {"lane": lane})
    if head is None or head.due_at > at.timestamp() * 1000 or head.process == me.id:
        return None
    if head.process is not None:
        bury(connection, me)
    if head.process is not None and is_alive(connection, head.process):
        return NotBefore(at=at + LOOK_AGAIN)
    died = 0 if head.process is None else 1
    _MINE.count(connection, {"row": head.id, "me": me.id, "died": died})
    return None
