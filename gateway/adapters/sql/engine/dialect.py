"""Everything that differs between SQLite and PostgreSQL in the SQL that jobs run.

SQLite runs one writer at a time. On PostgreSQL, jobs of several processes overlap. So jobs take
locks there that SQLite does not need: one writer per lane, one process per row.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any
from zlib import crc32

from sqlalchemy import BigInteger, Connection, String, Text
from sqlalchemy.dialects.postgresql import TSVECTOR
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import TypeEngine

POSTGRES = "postgresql"

# Kinds of advisory locks. The numbers are ours, so that other programs on the database do not use
# the same ones.
LANE_LOCK, INBOX_LOCK, REF_LOCK, SCHEMA_LOCK = 0x57610001, 0x57610002, 0x57610003, 0x57610004
VERSION_LOCK, KNOWLEDGE_LOCK, IMPORT_LOCK = 0x57610005, 0x57610006, 0x57610007
_LOCK = "SELECT pg_advisory_xact_lock($1, name) FROM unnest($2::int[]) AS name"
_TRY_LOCK = "SELECT name, pg_try_advisory_xact_lock($1, name) FROM unnest($2::int[]) AS name"
_RETRYABLE = frozenset({"40001", "40P01"})
"""serialization_failure and deadlock_detected: nothing was stored; a retry may succeed."""

Key: TypeEngine[str] = Text().with_variant(Text(collation="C"), POSTGRES)
"""A text ordered by code points, as on SQLite. A PostgreSQL database orders by its own locale."""

Words: TypeEngine[Any] = Text().with_variant(TSVECTOR(), POSTGRES)
"""Normalised words for PostgreSQL's text search."""


def short(length: int) -> TypeEngine[str]:
    """A text that is normally short. SQLite accepts a longer one, so PostgreSQL must too: otherwise
    it could not store an unusual value from a provider, or from a copied SQLite file."""
    return String(length).with_variant(Text(), POSTGRES)


class now_ms(FunctionElement[int]):  # noqa: N801  (used as the function that it is in SQL)
    """The database's clock in milliseconds since 1970: the same for every process."""

    type = BigInteger()
    inherit_cache = True


@compiles(now_ms, "sqlite")
def _sqlite_now(*_args: object, **_options: object) -> str:
    return "CAST((julianday('now') - 2440587.5) * 86400000.0 AS INTEGER)"


@compiles(now_ms, POSTGRES)
def _postgres_now(*_args: object, **_options: object) -> str:
    return "CAST(extract(epoch FROM clock_timestamp()) * 1000 AS BIGINT)"


def is_postgres(connection: Connection) -> bool:
    """Whether other processes may write at the same time."""
    return connection.dialect.name == POSTGRES


def lock(connection: Connection, kind: int, names: Iterable[str]) -> None:
    """Lock ``names`` until this transaction ends; wait for whoever holds one. Does nothing on
    SQLite, which has one writer.

    All names are locked at once and in one order, so that two callers cannot deadlock. Inbox ids
    come from a sequence before the commit: because only the holder of a lane may insert into it,
    ids grow in the order of the commits.
    """
    if not is_postgres(connection):
        return
    if numbers := sorted({_number(name) for name in names}):
        connection.connection.cursor().execute(_LOCK, (kind, numbers))


def try_lock(connection: Connection, kind: int, names: Collection[str]) -> set[str]:
    """As `lock`, without waiting; return the names that are locked now. PostgreSQL only."""
    if not names:
        return set()
    cursor = connection.connection.cursor()
    cursor.execute(_TRY_LOCK, (kind, sorted({_number(name) for name in names})))
    locked = {number for number, is_locked in cursor.fetchall() if is_locked}
    return {name for name in names if _number(name) in locked}


def _number(name: str) -> int:
    """32 bits. Two names with the same number wait for each other, which does no harm."""
    return crc32(name.encode()) - 2**31


def is_retryable(error: BaseException | None) -> bool:
    """Whether other transactions caused the whole transaction to be undone, so that a retry may
    succeed."""
    cause: Any = error
    while cause is not None:
        if getattr(cause, "sqlstate", None) in _RETRYABLE:
            return True
        cause = getattr(cause, "orig", None) or cause.__cause__
    return False
