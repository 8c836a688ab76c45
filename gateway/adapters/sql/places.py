"""Where words of customers and colleagues lie: every column that is sealed, and what binds its
texts to their place. Export and the change of keys go by this list; a test holds it against what
is stored."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import msgspec
from sqlalchemy import Connection, Table, select, update

from gateway.adapters.encryption import BadKey, DataKeys, missing
from gateway.adapters.sql import rows
from gateway.adapters.sql.schema import (
    attachments,
    conversations,
    customers,
    data_keys,
    handoffs,
    hooks,
    inbox,
    messages,
    notes_of_guests,
    outbox,
    suggestions,
    surveys,
)

Cells = Mapping[str, Any]


class Place(msgspec.Struct, frozen=True):
    """One column with words in it. ``scope`` tells of a row what its texts are bound to."""

    table: Table
    column: str
    scope: Callable[[Cells], object]

    @property
    def name(self) -> str:
        return f"{self.table.name}.{self.column}"

    def bound(self, row: Cells) -> str:
        return f"{self.name}:{self.scope(row)}"


def _lane(row: Cells) -> object:
    return row["lane"]


def _conversation(row: Cells) -> object:
    return row["conversation_id"]


PLACES: tuple[Place, ...] = (
    Place(customers, "name", lambda _: ""),
    Place(conversations, "subject", _lane),
    Place(messages, "text", _lane),
    Place(messages, "data", _lane),
    Place(attachments, "name", lambda row: row["digest"]),
    Place(inbox, "payload", _lane),
    Place(outbox, "payload", _lane),
    Place(handoffs, "reasons", _conversation),
    Place(suggestions, "text", _conversation),
    Place(suggestions, "final", _conversation),
    Place(surveys, "comment", _conversation),
    Place(hooks, "payload", _conversation),
    Place(notes_of_guests, "value", lambda row: f"{row['guest']}/{row['key']}"),
)
BATCH = 500


def readable(connection: Connection, table: Table, row: Cells) -> dict[str, Any]:
    """``row`` of ``table`` with its sealed columns opened, as for an export."""
    plain = dict(row)
    keys = rows.keys(connection)
    for place in PLACES:
        if place.table is table and plain.get(place.column) is not None:
            plain[place.column] = keys.open(plain[place.column], place.bound(row))
    return plain


def reseal(connection: Connection, table: Table, after: int, keys: DataKeys) -> tuple[int, int]:
    """Bring the next rows of ``table`` beyond id ``after`` to the first of ``keys``; gives how
    many changed and the last id looked at, 0 at the end. What changes meanwhile is left alone: it
    is sealed with the new key already."""
    mine = [place for place in PLACES if place.table is table]
    query = select(table).where(table.c.id > after).order_by(table.c.id).limit(BATCH)
    found = connection.execute(query).mappings().all()
    changed = 0
    for row in map(dict, found):
        for place in mine:
            old = row[place.column]
            if old is None or keys.current(old):
                continue
            bound = place.bound(row)
            column = table.c[place.column]
            here = (table.c.id == row["id"]) & (column == old)
            new = keys.seal(keys.open(old, bound), bound)
            done = update(table).where(here).values({place.column: new})
            changed += connection.execute(done).rowcount
    return changed, int(found[-1]["id"]) if len(found) == BATCH else 0


def tables() -> Iterator[Table]:
    yield from dict.fromkeys(place.table for place in PLACES)


def admit(connection: Connection, keys: DataKeys, at: int) -> None:
    """Refuse to work when data are sealed with keys that are not there; remember the key that
    seals from now on. Raises BadKey, having changed nothing."""
    used = set(connection.execute(select(data_keys.c.name)).scalars())
    lost = sorted(used - set(keys.names))
    if lost:
        raise BadKey(missing(lost))
    if keys.first is not None and keys.first not in used:
        connection.execute(data_keys.insert(), {"name": keys.first, "since": at})


def retire(connection: Connection, keys: DataKeys) -> Sequence[str]:
    """Forget the keys that seal nothing any more, once everything is sealed with the first."""
    old = data_keys.c.name != keys.first if keys.first else data_keys.c.name.is_not(None)
    gone = connection.execute(select(data_keys.c.name).where(old)).scalars().all()
    connection.execute(data_keys.delete().where(old))
    return gone
