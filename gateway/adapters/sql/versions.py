"""The versions of what people adopted, and the examples in them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from sqlalchemy import Connection, func, insert, select, text, update

from gateway.adapters.sql import rows
from gateway.adapters.sql.engine import dialect
from gateway.adapters.sql.engine.base import SqlDatabase
from gateway.adapters.sql.schema import adopted_examples, conversations, versions
from gateway.model import UNREADABLE, AdoptedExample, Json, Overlay, Version, VersionKind
from gateway.ports import NotFound, Outdated
from gateway.store import VersionDraft, VersionFiles, VersionStamp

_LARGE = ("tree", "examples", "originals")
_LISTED = [column for column in versions.c if column.name not in _LARGE]
"""What says who adopted what: without the overlay, which may be large."""
_READ_TREE = msgspec.json.Decoder(dict[str, Json])


class SqlVersions:
    """See `store.VersionStore`."""

    def __init__(self, database: SqlDatabase) -> None:
        self._db = database

    async def stamp(self) -> VersionStamp:
        newest = select(func.coalesce(func.max(versions.c.id), 0)).scalar_subquery()
        in_files = select(func.count(versions.c.id)).where(text("written <> ''")).scalar_subquery()
        stored = select(func.count(adopted_examples.c.id)).scalar_subquery()

        def job(connection: Connection) -> VersionStamp:
            number, written, examples = connection.execute(select(newest, in_files, stored)).one()
            return number, written, examples

        return await self._db.read(job)

    async def history(
        self, kind: VersionKind | None, before: int | None, limit: int
    ) -> tuple[Version, ...]:
        query = select(*_LISTED).order_by(versions.c.id.desc()).limit(limit)
        if kind is not None:
            query = query.where(versions.c.kind == kind)
        if before is not None:
            query = query.where(versions.c.id < before)
        return await self._db.read(lambda c: tuple(_version(c, row) for row in c.execute(query)))

    async def version(self, number: int) -> Version | None:
        query = select(*_LISTED).where(versions.c.id == number)

        def job(connection: Connection) -> Version | None:
            row = connection.execute(query).one_or_none()
            return _version(connection, row) if row else None

        return await self._db.read(job)

    async def overlay(self, kind: VersionKind, number: int | None) -> Overlay | None:
        return await self._db.read(lambda c: _overlay(c, kind, number))

    async def files(self, number: int) -> VersionFiles:
        query = select(versions).where(versions.c.id == number)

        def job(connection: Connection) -> VersionFiles:
            row = connection.execute(query).one_or_none()
            return _files(connection, row) if row else VersionFiles()

        return await self._db.read(job)

    async def set_files(self, number: int, files: VersionFiles) -> None:
        def job(connection: Connection) -> None:
            originals = rows.to_json(files.originals)
            stored = rows.encrypted(connection, "versions.originals", number, originals)
            chosen = update(versions).where(versions.c.id == number)
            written = rows.to_json(files.written or ())
            connection.execute(chosen.values(written=written, originals=stored))

        await self._db.write(job)

    async def add(self, draft: VersionDraft) -> Version:
        return await self._db.write(lambda c: _add(c, draft))


def _newest(connection: Connection, kind: VersionKind | None) -> int:
    query = select(func.coalesce(func.max(versions.c.id), 0))
    if kind is not None:
        query = query.where(versions.c.kind == kind)
    return int(connection.execute(query).scalar_one())


def _add(connection: Connection, draft: VersionDraft) -> Version:
    dialect.lock(connection, dialect.VERSION_LOCK, ["versions"])
    if (newest := _newest(connection, draft.kind)) != draft.before:
        raise Outdated(
            f"version {newest} of {draft.kind} was adopted meanwhile; look at it, and adopt again"
        )
    number = _newest(connection, None) + 1
    examples = [*draft.examples, *_add_examples(connection, draft)]
    column = rows.encrypted
    connection.execute(
        insert(versions),
        {
            "id": number,
            "kind": draft.kind,
            "before_id": draft.before,
            "at": rows.to_ms(draft.at),
            "author": draft.author,
            "proposal": draft.proposal,
            "restores": draft.restores,
            "why": column(connection, "versions.why", number, draft.why),
            "tree": column(connection, "versions.tree", number, rows.to_json(draft.tree)),
            "examples": rows.to_json(examples),
            "written": "",
            "originals": "{}",
        },
    )
    return Version(
        number=number,
        kind=draft.kind,
        before=draft.before,
        at=rows.from_ms(rows.to_ms(draft.at)),
        author=draft.author,
        why=draft.why,
        proposal=draft.proposal,
        restores=draft.restores,
    )


def _add_examples(connection: Connection, draft: VersionDraft) -> list[int]:
    """Store the added examples; return their ids."""
    named = {each.conversation for _, each in draft.added if each.conversation}
    known = select(conversations.c.id).where(conversations.c.id.in_(named))
    if missing := named - set(connection.execute(known).scalars()):
        raise NotFound(f"there is no conversation {min(missing)}; it may have been erased")
    ids = []
    for intent, example in draft.added:
        scope = example.conversation or None
        stored = rows.encrypted(connection, "adopted_examples.text", scope, example.text)
        values = {"conversation_id": scope, "intent": intent, "text": stored}
        [id] = connection.execute(insert(adopted_examples), values).inserted_primary_key or (0,)
        ids.append(int(id))
    return ids


def _overlay(connection: Connection, kind: VersionKind, number: int | None) -> Overlay | None:
    everything = select(adopted_examples).order_by(adopted_examples.c.id)
    stored = connection.execute(everything).all() if kind == "answers" else ()
    kept = frozenset(row.id for row in stored)
    if number is None:
        number = _newest(connection, kind)
    if number == 0:
        return Overlay(kind=kind, kept_examples=kept)
    query = select(versions).where(versions.c.id == number, versions.c.kind == kind)
    row = connection.execute(query).one_or_none()
    if row is None:
        return None
    ids = frozenset(rows.from_json(row.examples, list[int]))
    return Overlay(
        kind=kind,
        number=number,
        tree=_tree(connection, row),
        examples=_examples(connection, [each for each in stored if each.id in ids]),
        lost=len(ids - kept),
        kept_examples=kept,
    )


def _tree(connection: Connection, row: Any) -> Mapping[str, Json]:
    """Raises BadKey or msgspec.DecodeError for a damaged one: the version before must not be
    replaced by nothing."""
    return _READ_TREE.decode(rows.decrypted(connection, "versions.tree", row.id, row.tree))


def _examples(connection: Connection, found: Sequence[Any]) -> tuple[AdoptedExample, ...]:
    """Those that can be read."""
    examples = []
    for row in found:
        scope = row.conversation_id
        words = rows.readable(connection, "adopted_examples.text", scope, row.text)
        if words != UNREADABLE:
            examples.append(
                AdoptedExample(id=row.id, intent=row.intent, text=words, conversation=scope or 0)
            )
    return tuple(examples)


def _written(row: Any) -> tuple[str, ...] | None:
    return tuple(rows.from_json(row.written, list[str])) if row.written else None


def _files(connection: Connection, row: Any) -> VersionFiles:
    place = ("versions.originals", row.id)
    originals = rows.readable_json(connection, place, row.originals, dict[str, Any], {})
    return VersionFiles(written=_written(row), originals=originals)


def _version(connection: Connection, row: Any) -> Version:
    return Version(
        number=row.id,
        kind=row.kind,
        before=row.before_id,
        at=rows.from_ms(row.at),
        author=row.author,
        why=rows.readable(connection, "versions.why", row.id, row.why),
        proposal=row.proposal,
        restores=row.restores,
        written=_written(row) or (),
    )
