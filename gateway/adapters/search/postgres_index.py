"""An index within PostgreSQL's own text search (https://www.postgresql.org/docs/current/textsearch.html).

Every process adds to it; a row goes with its message.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, bindparam, delete, func, select, text

from gateway.adapters.sql.engine.base import SqlDatabase
from gateway.adapters.sql.schema import search_documents
from gateway.store.search import IndexMatch, SearchDocument, SearchQuery

_COLUMNS = search_documents.c
_ADD = text(
    "INSERT INTO search_documents (id, conversation_id, lane, brand, words)"
    " SELECT :id, :conversation, :lane, :brand, to_tsvector('simple', :words)"
    " WHERE EXISTS (SELECT 1 FROM messages WHERE id = :id)"
    " ON CONFLICT (id) DO NOTHING"
)
_MATCHES = (
    select(_COLUMNS.id, _COLUMNS.conversation_id)
    .where(_COLUMNS.words.op("@@")(func.to_tsquery("simple", bindparam("query"))))
    .order_by(_COLUMNS.id.desc())
)


class PostgresSearchIndex:
    """See `SearchIndex`."""

    def __init__(self, database: SqlDatabase) -> None:
        self._db = database

    async def add(self, documents: Sequence[SearchDocument], looked_at: int) -> None:  # noqa: ARG002  (what is missing is looked up)
        rows = [
            {
                "id": d.id,
                "conversation": d.conversation,
                "lane": d.lane,
                "brand": d.brand,
                "words": f"{d.text} {d.people}",
            }
            for d in documents
        ]

        def job(connection: Connection) -> None:
            if rows:
                connection.execute(_ADD, rows)

        await self._db.write(job, long=True)

    async def position(self) -> int:
        newest = select(func.coalesce(func.max(_COLUMNS.id), 0))
        return int(await self._db.read(lambda c: c.execute(newest).scalar_one(), long=True))

    async def matches(self, query: SearchQuery, before: int, limit: int) -> tuple[IndexMatch, ...]:
        chosen = _MATCHES.limit(limit)
        if before:
            chosen = chosen.where(_COLUMNS.id < before)
        if query.brands:
            chosen = chosen.where(_COLUMNS.brand.in_(query.brands))
        values = {"query": _tsquery(query)}
        found = await self._db.read(lambda c: c.execute(chosen, values).all(), long=True)
        return tuple(IndexMatch(message=row.id, conversation=row.conversation_id) for row in found)

    async def shown(
        self, query: SearchQuery, since: int, conversations: Sequence[int]
    ) -> frozenset[int]:
        matches = _COLUMNS.words.op("@@")(func.to_tsquery("simple", bindparam("query")))
        chosen = select(_COLUMNS.conversation_id).where(
            matches, _COLUMNS.id >= since, _COLUMNS.conversation_id.in_(conversations)
        )
        values = {"query": _tsquery(query)}
        found = await self._db.read(lambda c: c.execute(chosen, values).scalars().all(), long=True)
        return frozenset(found)

    async def ids(self, after: int, limit: int) -> tuple[int, ...]:
        chosen = select(_COLUMNS.id).where(_COLUMNS.id > after).order_by(_COLUMNS.id).limit(limit)
        return tuple(await self._db.read(lambda c: c.execute(chosen).scalars().all(), long=True))

    async def remove(self, ids: Sequence[int]) -> None:
        chosen = delete(search_documents).where(_COLUMNS.id.in_(ids))
        await self._db.write(lambda c: c.execute(chosen).close(), long=True)

    async def remove_lanes(self, lanes: Sequence[str]) -> int:
        chosen = delete(search_documents).where(_COLUMNS.lane.in_(lanes))
        return int(await self._db.write(lambda c: c.execute(chosen).rowcount, long=True))

    async def purge(self) -> None:
        """A removal is one statement: nothing can be cut off."""

    async def clear(self) -> None:
        await self._db.write(lambda c: c.execute(delete(search_documents)).close(), long=True)

    async def close(self) -> None:
        """The database is closed by its owner."""


def _tsquery(query: SearchQuery) -> str:
    """The query in PostgreSQL's syntax. Words have letters and digits alone."""
    groups = [" <-> ".join(group) for group in query.groups]
    if not query.whole:
        groups[-1] += ":*"
    return " & ".join(f"({group})" for group in groups)
