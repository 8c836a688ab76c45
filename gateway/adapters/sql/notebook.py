"""What guests write down: one table, compare-and-set on the version."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, Connection, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from gateway.adapters.sql import rows
from gateway.adapters.sql.schema import conversations, notes_of_guests
from gateway.adapters.sql.units import AnyDatabase
from gateway.ports import Clock, NotFound, Outdated, StoredValue

_COLUMNS = select(
    notes_of_guests.c.key,
    notes_of_guests.c.value,
    notes_of_guests.c.version,
    notes_of_guests.c.conversation_id,
)

_VALUE = "notes_of_guests.value"


class SqlNotebook:
    """See `ports.Notebook`."""

    def __init__(self, database: AnyDatabase, clock: Clock) -> None:
        self._db = database
        self._clock = clock

    async def get(self, guest: str, key: str) -> StoredValue | None:
        query = _COLUMNS.where(notes_of_guests.c.guest == guest, notes_of_guests.c.key == key)

        def unit(connection: Connection) -> StoredValue | None:
            row = connection.execute(query).one_or_none()
            return _opened(connection, guest, row) if row else None

        return await self._db.read(unit)

    async def put(
        self, guest: str, key: str, value: str, *, version: int = 0, conversation: int = 0
    ) -> StoredValue:
        at = rows.ms(self._clock.now())
        values = {
            "value": self._db.keys.seal(value, f"{_VALUE}:{guest}/{key}"),
            "version": version + 1,
            "conversation_id": conversation or None,
            "updated_at": at,
        }

        def unit(connection: Connection) -> StoredValue:
            if conversation and not _known(connection, conversation):
                raise NotFound(f"there is no conversation {conversation}")
            if version:
                mine = _mine(guest, key, version)
                changed = connection.execute(update(notes_of_guests).where(mine).values(values))
                if changed.rowcount != 1:
                    raise Outdated(f"{guest}: {key} is not at version {version} any more")
            else:
                _write(connection, {"guest": guest, "key": key, **values})
            return _entry(key, value, version + 1, conversation)

        return await self._db.write(unit)

    async def drop(self, guest: str, key: str, *, version: int) -> None:
        def unit(connection: Connection) -> None:
            gone = connection.execute(delete(notes_of_guests).where(_mine(guest, key, version)))
            if gone.rowcount:
                return
            mine = (notes_of_guests.c.guest == guest) & (notes_of_guests.c.key == key)
            if connection.execute(select(notes_of_guests.c.id).where(mine)).scalar() is not None:
                raise Outdated(f"{guest}: {key} is not at version {version} any more")

        await self._db.write(unit)

    async def scan(
        self, guest: str, prefix: str, *, after: str = "", limit: int = 500
    ) -> tuple[StoredValue, ...]:
        query = (
            _COLUMNS.where(
                notes_of_guests.c.guest == guest,
                notes_of_guests.c.key >= prefix,
                notes_of_guests.c.key < prefix + "\U0010ffff",
                notes_of_guests.c.key > after,
            )
            .order_by(notes_of_guests.c.key)
            .limit(limit)
        )
        return await self._db.read(
            lambda c: tuple(_opened(c, guest, row) for row in c.execute(query))
        )


def _write(connection: Connection, values: dict[str, object]) -> None:
    try:
        connection.execute(insert(notes_of_guests), values)
    except IntegrityError:
        raise Outdated(f"{values['guest']}: {values['key']} is there already") from None


def _mine(guest: str, key: str, version: int) -> ColumnElement[bool]:
    table = notes_of_guests.c
    return (table.guest == guest) & (table.key == key) & (table.version == version)


def _known(connection: Connection, conversation: int) -> bool:
    found = select(conversations.c.id).where(conversations.c.id == conversation)
    return connection.execute(found).scalar() is not None


def _opened(connection: Connection, guest: str, row: Any) -> StoredValue:
    value = rows.opened(connection, _VALUE, f"{guest}/{row.key}", row.value)
    return _entry(row.key, value, row.version, row.conversation_id)


def _entry(key: str, value: str, version: int, conversation: int | None) -> StoredValue:
    return StoredValue(key=key, value=value, version=version, conversation=conversation or 0)
