"""The messages that are searched, and what is shown of those that were found."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, exists, func, select

from gateway.adapters.search.words import normalised
from gateway.adapters.sql import rows
from gateway.adapters.sql.engine.base import SqlDatabase
from gateway.adapters.sql.engine.dialect import is_postgres
from gateway.adapters.sql.schema import (
    attachments,
    conversations,
    customers,
    messages,
    search_documents,
)
from gateway.model import IMPORTED_LANE, SearchHit
from gateway.store.search import SearchDocument

LONGEST = 20_000
"""Characters of a message that are searched."""
MOST_COUNTED = 10_000
"""Ids after the index's newest among which those that wait are counted."""
LATE = 5_000
"""On PostgreSQL a message may be committed after one with a greater id, by less than this."""
_PLACES = messages.join(conversations, conversations.c.id == messages.c.conversation_id).join(
    customers, customers.c.id == conversations.c.customer_id
)
_CONTEXT = (
    conversations.c.brand,
    conversations.c.subject,
    conversations.c.address,
    customers.c.name,
)
_INDEXED: Select[Any] = select(
    messages.c.id, messages.c.conversation_id, messages.c.lane, messages.c.text, *_CONTEXT
).select_from(_PLACES)
_FOUND: Select[Any] = select(
    messages, *_CONTEXT, conversations.c.state, conversations.c.owner
).select_from(_PLACES)


class SqlSearchSource:
    """See `SearchSource`. Where the database is encrypted, its words stay out of the index."""

    def __init__(self, database: SqlDatabase) -> None:
        self._db = database

    async def documents(
        self, after: int, limit: int, *, lanes: Sequence[str] = ()
    ) -> tuple[tuple[SearchDocument, ...], int]:
        return await self._db.read(lambda c: _documents(c, after, limit, lanes), long=True)

    async def waiting(self, after: int) -> int:
        def job(connection: Connection) -> int:
            # With a bound PostgreSQL looks each of these up, and does not join all messages.
            chosen = select(messages.c.id).where(
                _not_indexed(connection, after), messages.c.id <= after + MOST_COUNTED
            )
            return connection.execute(
                select(func.count()).select_from(chosen.subquery())
            ).scalar_one()

        return await self._db.read(job, long=True)

    async def existing(self, ids: Sequence[int]) -> frozenset[int]:
        query = select(messages.c.id).where(messages.c.id.in_(ids))
        found = await self._db.read(lambda c: c.execute(query).scalars().all(), long=True)
        return frozenset(found)

    async def hits(self, ids: Sequence[int]) -> tuple[SearchHit, ...]:
        return await self._db.read(lambda c: _hits(c, ids), long=True)


def _documents(
    connection: Connection, after: int, limit: int, lanes: Sequence[str]
) -> tuple[tuple[SearchDocument, ...], int]:
    chosen = _INDEXED.where(_not_indexed(connection, after))
    if lanes:
        chosen = _INDEXED.where(
            messages.c.lane.in_(lanes), messages.c.id > after, messages.c.author != "system"
        )
    found = connection.execute(chosen.order_by(messages.c.id).limit(limit)).all()
    files = _files(connection, [row.id for row in found])
    documents = tuple(_document(connection, row, files.get(row.id, [])) for row in found)
    return documents, max([after, *(row.id for row in found)])


def _not_indexed(connection: Connection, after: int) -> ColumnElement[bool]:
    """The messages to index behind ``after``. System lines hold nobody's words."""
    wanted = messages.c.author != "system"
    if not is_postgres(connection):
        return wanted & (messages.c.id > after)
    indexed = exists().where(search_documents.c.id == messages.c.id)
    return wanted & (messages.c.id > after - LATE) & ~indexed


def _document(connection: Connection, row: Row[Any], files: Sequence[str]) -> SearchDocument:
    text, people = "", [row.address]
    if rows.data_keys(connection).first is None:
        subject = rows.readable(connection, "conversations.subject", row.lane, row.subject)
        words = rows.readable(connection, "messages.text", row.lane, row.text)[:LONGEST]
        text = normalised(" ".join([words, subject or "", *files]))
        people.append(rows.readable(connection, "customers.name", "", row.name) or "")
    return SearchDocument(
        id=row.id,
        conversation=row.conversation_id,
        lane=row.lane,
        brand=row.brand,
        text=text,
        people=normalised(" ".join(people)),
    )


def _files(connection: Connection, ids: Sequence[int]) -> dict[int, list[str]]:
    """The names of the files of each message."""
    chosen = select(attachments.c.message_id, attachments.c.digest, attachments.c.name)
    found: defaultdict[int, list[str]] = defaultdict(list)
    for row in connection.execute(chosen.where(attachments.c.message_id.in_(ids))) if ids else ():
        name = rows.readable(connection, "attachments.name", row.digest, row.name)
        found[row.message_id].append(name)
    return found


def _hits(connection: Connection, ids: Sequence[int]) -> tuple[SearchHit, ...]:
    chosen = _FOUND.where(messages.c.id.in_(ids)).order_by(messages.c.id.desc())
    files = _files(connection, ids)
    return tuple(
        SearchHit(
            message=row.id,
            conversation=row.conversation_id,
            at=rows.from_ms(row.at),
            author=row.author,
            internal=bool(row.internal),
            excerpt=rows.readable(connection, "messages.text", row.lane, row.text),
            files=tuple(files.get(row.id, ())),
            customer_name=rows.readable(connection, "customers.name", "", row.name),
            address=row.lane.removeprefix(IMPORTED_LANE),
            brand=row.brand,
            state=row.state,
            owner=rows.maybe_agent(row.owner),
        )
        for row in (connection.execute(chosen) if ids else ())
    )
