"""What waits and what is stuck, by way of the partial indexes over what is still to be done."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import Connection, text

from gateway.adapters.sql import rows
from gateway.adapters.sql.units import AnyDatabase
from gateway.store import Backlog, QueueStatistics

GRACE = timedelta(minutes=1)
"""Timers fire once a second; one that is this late was forgotten."""

# The states stand in the text: SQLite takes a partial index only when it can prove its condition.
# The oldest row is the first by id; its time is read from that row alone.
_INBOX = text(
    "SELECT w.n, (SELECT received_at FROM inbox WHERE id = w.first) FROM"
    " (SELECT count(*) AS n, min(id) AS first FROM inbox WHERE state = 'ready') AS w"
)
_STUCK = text("SELECT count(*), min(received_at) FROM inbox WHERE state = 'stuck'")
_OUTBOX = text(
    "SELECT w.n, (SELECT created_at FROM outbox WHERE id = w.first) FROM"
    " (SELECT count(*) AS n, min(id) AS first FROM outbox WHERE state IN ('ready', 'sending')) AS w"
)
_LETTERS = text(
    "SELECT state, count(*), min(created_at) FROM outbox"
    " WHERE state IN ('dead', 'unsure') GROUP BY state"
)
_HOOKS = text(
    "SELECT w.n, (SELECT created_at FROM hooks WHERE id = w.first) FROM"
    " (SELECT count(*) AS n, min(id) AS first FROM hooks WHERE state = 'ready') AS w"
)
_HOOKS_DEAD = text("SELECT count(*), min(created_at) FROM hooks WHERE state = 'dead'")
_UNCLAIMED = text(
    "SELECT count(*), min(created_at) FROM handoffs WHERE closed_at IS NULL AND claimed_at IS NULL"
)
_OVERDUE = text("SELECT count(*), min(due_at) FROM timers WHERE due_at <= :late")


class SqlFigures:
    """See `store.Figures`."""

    def __init__(self, database: AnyDatabase) -> None:
        self._db = database

    async def backlog(self, at: datetime) -> Backlog:
        return await self._db.read(lambda c: _backlog(c, at), long=True)


def _backlog(connection: Connection, at: datetime) -> Backlog:
    letters = {state: _heap(n, since) for state, n, since in connection.execute(_LETTERS)}
    late = connection.execute(_OVERDUE, {"late": rows.ms(at - GRACE)}).one()
    plain = {
        name: _heap(*connection.execute(query).one())
        for name, query in (
            ("inbox", _INBOX),
            ("outbox", _OUTBOX),
            ("hooks", _HOOKS),
            ("stuck", _STUCK),
            ("hooks_dead", _HOOKS_DEAD),
            ("unclaimed", _UNCLAIMED),
        )
    }
    return Backlog(**plain, **letters, overdue=_heap(*late))


def _heap(n: int, since: int | None) -> QueueStatistics:
    return QueueStatistics(rows=n, since=rows.maybe(since))
