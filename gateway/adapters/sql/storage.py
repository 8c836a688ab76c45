"""Storage for plugins: one table, with compare-and-set on the version."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    bindparam,
    delete,
    func,
    insert,
    select,
    text,
    update,
)
from sqlalchemy.exc import IntegrityError

from gateway.adapters.encryption import BadKey
from gateway.adapters.sql import rows
from gateway.adapters.sql.engine.base import SqlDatabase
from gateway.adapters.sql.engine.prepared import PreparedStatement
from gateway.adapters.sql.schema import conversations, notes_of_guests
from gateway.ports import Clock, NotFound, Outdated, StoredValue

_NOTES = notes_of_guests.c
_SELECT = select(_NOTES.key, _NOTES.value, _NOTES.version, _NOTES.conversation_id)
_ONE = PreparedStatement(
    _SELECT.where(_NOTES.guest == bindparam("guest"), _NOTES.key == bindparam("key"))
)
_VALUE = "notes_of_guests.value"
_PUT = text(
    "INSERT INTO notes_of_guests (guest, key, version, conversation_id, value, updated_at)"
    " VALUES (:guest, :key, 1, :conversation_id, :value, :updated_at)"
    " ON CONFLICT (guest, key) DO UPDATE SET version = notes_of_guests.version + 1,"
    " conversation_id = excluded.conversation_id, value = excluded.value,"
    " updated_at = excluded.updated_at"
)
WRITTEN = "written/"
"""Keys of what people wrote that may name a customer, and belongs to no conversation."""
SHORTEST = 4
"""Characters of a name or an address that is looked for: a shorter one is part of other words."""
AT_ONCE = 500
"""Ids in one statement, and values that one read on the connection of the turns may return."""


class SqlPluginStorage:
    """See `ports.PluginStorage`."""

    def __init__(self, database: SqlDatabase, clock: Clock) -> None:
        self._db = database
        self._clock = clock

    async def get(self, plugin: str, key: str) -> StoredValue | None:
        def job(connection: Connection) -> StoredValue | None:
            row = _ONE.one(connection, {"guest": plugin, "key": key})
            return _entry(connection, plugin, row) if row else None

        return await self._db.read(job)

    async def put(
        self, plugin: str, key: str, value: str, *, version: int = 0, conversation: int = 0
    ) -> StoredValue:
        values = {
            "value": self._db.keys.seal(value, f"{_VALUE}:{plugin}/{key}"),
            "version": version + 1,
            "conversation_id": conversation or None,
            "updated_at": rows.to_ms(self._clock.now()),
        }

        def job(connection: Connection) -> StoredValue:
            known = select(conversations.c.id).where(conversations.c.id == conversation)
            if conversation and connection.execute(known).scalar() is None:
                raise NotFound(f"there is no conversation {conversation}")
            if version:
                seen = _has_version(plugin, key, version)
                changed = connection.execute(update(notes_of_guests).where(seen).values(values))
                if changed.rowcount != 1:
                    raise Outdated(f"{plugin}: {key} is no longer at version {version}")
            else:
                try:
                    connection.execute(
                        insert(notes_of_guests), {"guest": plugin, "key": key, **values}
                    )
                except IntegrityError:
                    raise Outdated(f"{plugin}: {key} exists already") from None
            return StoredValue(key=key, value=value, version=version + 1, conversation=conversation)

        return await self._db.write(job)

    async def put_many(self, plugin: str, values: Sequence[StoredValue]) -> int:
        def job(connection: Connection) -> int:
            known = _known(connection, [value.conversation for value in values])
            kept = [
                {
                    "guest": plugin,
                    "key": value.key,
                    "conversation_id": value.conversation or None,
                    "value": self._db.keys.seal(value.value, f"{_VALUE}:{plugin}/{value.key}"),
                    "updated_at": now,
                }
                for value in values
                if not value.conversation or value.conversation in known
            ]
            if kept:
                connection.execute(_PUT, kept)
            return len(kept)

        now = rows.to_ms(self._clock.now())
        return await self._db.write(job, long=True)

    async def count(self, plugin: str, prefix: str, *, length: int) -> Mapping[str, int]:
        group = func.substr(_NOTES.key, 1, length).label("start")
        query = select(group, func.count()).where(_begins(plugin, prefix)).group_by(group)
        found = await self._db.read(lambda c: c.execute(query).all(), long=True)
        return {row[0]: row[1] for row in found}

    async def drop(self, plugin: str, key: str, *, version: int) -> None:
        def job(connection: Connection) -> None:
            seen = _has_version(plugin, key, version)
            if connection.execute(delete(notes_of_guests).where(seen)).rowcount:
                return
            chosen = select(_NOTES.id).where(_NOTES.guest == plugin, _NOTES.key == key)
            if connection.execute(chosen).scalar() is not None:
                raise Outdated(f"{plugin}: {key} is no longer at version {version}")

        await self._db.write(job)

    async def clear(self, plugin: str, prefix: str) -> None:
        some = select(_NOTES.id).where(_begins(plugin, prefix)).limit(AT_ONCE)

        def job(connection: Connection) -> int:
            return connection.execute(delete(notes_of_guests).where(_NOTES.id.in_(some))).rowcount

        while await self._db.write(job, long=True):
            pass

    async def scan(
        self, plugin: str, prefix: str, *, after: str = "", limit: int = 500
    ) -> tuple[StoredValue, ...]:
        query = (
            _SELECT.where(_begins(plugin, prefix), _NOTES.key > after)
            .order_by(_NOTES.key)
            .limit(limit)
        )
        return await self._db.read(
            lambda c: tuple(_readable(c, plugin, c.execute(query))), long=limit > AT_ONCE
        )


def _begins(plugin: str, prefix: str) -> ColumnElement[bool]:
    return (_NOTES.guest == plugin) & (_NOTES.key >= prefix) & (_NOTES.key < prefix + "\U0010ffff")


def _known(connection: Connection, ids: Sequence[int]) -> set[int]:
    """Those of the conversations ``ids`` that exist."""
    found: set[int] = set()
    for start in range(0, len(ids), AT_ONCE):
        chosen = conversations.c.id.in_(ids[start : start + AT_ONCE])
        found.update(connection.execute(select(conversations.c.id).where(chosen)).scalars())
    return found


def _has_version(plugin: str, key: str, version: int) -> ColumnElement[bool]:
    return (_NOTES.guest == plugin) & (_NOTES.key == key) & (_NOTES.version == version)


def _readable(connection: Connection, plugin: str, found: Iterable[Any]) -> Iterator[StoredValue]:
    """The values that can be read: a damaged one must not stop the work on the others."""
    for row in found:
        try:
            yield _entry(connection, plugin, row)
        except BadKey:
            rows.report_unreadable(connection, _VALUE)


def _entry(connection: Connection, plugin: str, row: Any) -> StoredValue:
    return StoredValue(
        key=row.key,
        value=rows.decrypted(connection, _VALUE, f"{plugin}/{row.key}", row.value),
        version=row.version,
        conversation=row.conversation_id or 0,
    )


def written_about(
    connection: Connection, names: Iterable[str], at: Iterable[str]
) -> list[dict[str, Any]]:
    """The rows under `WRITTEN` with one of the ``names``, as whole words, or of the addresses
    ``at``; each with its decrypted value. They are few: each one is read."""
    wanted = [rf"\b{re.escape(text)}\b" for text in (*names, *at) if len(text) >= SHORTEST]
    if not wanted:
        return []
    pattern = re.compile("|".join(wanted), re.IGNORECASE)
    chosen = select(_NOTES.id, _NOTES.guest, _NOTES.key, _NOTES.value).where(
        _NOTES.key.startswith(WRITTEN, autoescape=True)
    )
    found = []
    for row in connection.execute(chosen):
        scope = f"{row.guest}/{row.key}"
        value = rows.readable(connection, _VALUE, scope, row.value)
        if pattern.search(value):
            found.append({"id": row.id, "plugin": row.guest, "key": row.key, "value": value})
    return found


def erase_written(connection: Connection, found: Iterable[Mapping[str, Any]]) -> int:
    """Delete what `written_about` found; return how many rows it was."""
    ids = [row["id"] for row in found]
    return connection.execute(delete(notes_of_guests).where(_NOTES.id.in_(ids))).rowcount
