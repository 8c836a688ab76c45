"""The head of a lane: its oldest row that is not handled, and what stands beside it.

One question instead of three: where the database is another machine, that is one round trip.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from sqlalchemy import Connection, String, bindparam, exists, func, literal_column, select

from gateway.adapters.sql.prepared import Joined
from gateway.adapters.sql.schema import conversations, customers, identities, inbox

# The state stands in the text of the statement: SQLite looks at a partial index only when it can
# prove the condition, and of a bound value it must prove it anew each time.
READY = literal_column("'ready'", String)


class Head(NamedTuple):
    """``row`` is the inbox'; ``here`` the customer who is known by the lane's address, and ``last``
    the last conversation of the lane, where there are any. ``silenced``: no more messages are
    wanted there; ``others``: ``here`` has conversations besides ``last``; ``more``: rows wait
    behind ``row``."""

    row: Any
    here: Any
    last: Any
    silenced: bool
    others: bool
    more: bool


def head_of(connection: Connection, lane: str) -> Head | None:
    """None when nothing waits in ``lane``."""
    channel, _, value = lane.partition(":")
    found = _HEAD.first(connection, {"lane": lane, "channel": channel, "value": value})
    return None if found is None else Head(*found[:3], *map(bool, found[3:]))


def _head() -> Joined:
    newest, other, behind = conversations.alias(), conversations.alias(), inbox.alias()
    lane = bindparam("lane", type_=String)
    known = (identities.c.channel == bindparam("channel")) & (
        identities.c.value == bindparam("value")
    )
    last = select(func.max(newest.c.id)).where(newest.c.lane == lane).scalar_subquery()
    others = exists().where(other.c.customer_id == customers.c.id, other.c.id != conversations.c.id)
    more = exists().where(
        behind.c.lane == inbox.c.lane, behind.c.state == READY, behind.c.id > inbox.c.id
    )
    tables = (inbox, customers, conversations)
    columns = (column for table in tables for column in table.c)
    return Joined(
        select(*columns, identities.c.opted_out, others.label("others"), more.label("more"))
        .select_from(
            inbox.outerjoin(identities, known)
            .outerjoin(customers, customers.c.id == identities.c.customer_id)
            .outerjoin(conversations, conversations.c.id == last)
        )
        .where(inbox.c.lane == lane, inbox.c.state == READY)
        .order_by(inbox.c.id)
        .limit(1),
        *tables,
    )


_HEAD = _head()
