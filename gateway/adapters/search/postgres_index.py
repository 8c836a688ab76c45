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
_NEWEST = 5_000
"""Ids below the newest that are looked through one by one. What many messages say is found among
them; of what few say, the index of words has few."""
_FOUND = select(_COLUMNS.id, _COLUMNS.conversation_id)
_IS_MATCH = _COLUMNS.words.op("@@")(func.to_tsquery("simple", bindparam("query")))


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
        below = before or await self.position() + 1
        values = {"query": _tsquery(query)}
        matching = _FOUND.where(_IS_MATCH)
        if query.brands:
            matching = matching.where(_COLUMNS.brand.in_(query.brands))
        newest = matching.where(_COLUMNS.id < below, _COLUMNS.id >= below - _NEWEST)
        # PostgreSQL cannot tell how many documents have words with a given beginning. With an order
        # and a limit in view it would look through all of them, from the newest on.
        others = matching.cte("others").prefix_with("MATERIALIZED")
        older = select(others.c.id, others.c.conversation_id).where(others.c.id < below - _NEWEST)

        def job(connection: Connection) -> tuple[IndexMatch, ...]:
            found: list[IndexMatch] = []
            for chosen, id in ((newest, _COLUMNS.id), (older, others.c.id)):
                page = chosen.order_by(id.desc()).limit(limit - len(found))
                found += (
                    IndexMatch(message=row.id, conversation=row.conversation_id)
                    for row in connection.execute(page, values)
                )
                if len(found) == limit or below <= _NEWEST:
                    break
            return tuple(found)

        return await self._db.read(job, long=True)

    async def shown(
        self, query: SearchQuery, since: int, conversations: Sequence[int]
    ) -> frozenset[int]:
        chosen = select(_COLUMNS.conversation_id).where(
            _IS_MATCH, _COLUMNS.id >= since, _COLUMNS.conversation_id.in_(conversations)
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
