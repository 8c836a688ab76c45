"""All that differs between SQLite and PostgreSQL in what the units say to them.

SQLite runs one writer at a time. On PostgreSQL units of several processes overlap, so what SQLite
gives for nothing is asked for here: one writer to a lane, one hand on a row.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any
from zlib import crc32

from sqlalchemy import BigInteger, Connection, String, Text
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import TypeEngine

POSTGRES = "postgresql"

# What is held by `hold`: numbers of ours, so that other programs on the database do not meet us.
LANE, INBOX, REF, SCHEMA = 0x57610001, 0x57610002, 0x57610003, 0x57610004
_HOLD = "SELECT pg_advisory_xact_lock($1, name) FROM unnest($2::int[]) AS name"
_TAKE = "SELECT name, pg_try_advisory_xact_lock($1, name) FROM unnest($2::int[]) AS name"
_REPEATED = frozenset({"40001", "40P01"})
"""serialization_failure and deadlock_detected: nothing was done; the same again may succeed."""

Key: TypeEngine[str] = Text().with_variant(Text(collation="C"), POSTGRES)
"""A text that is ordered by its code points, as SQLite does; PostgreSQL's databases have a
language of their own to order by."""


def short(length: int) -> TypeEngine[str]:
    """A text that is meant to be short. SQLite takes a longer one all the same; PostgreSQL must
    too, else a strange value from outside, or from a moved SQLite file, could not be stored."""
    return String(length).with_variant(Text(), POSTGRES)


class now_ms(FunctionElement[int]):  # noqa: N801  (used as the function that it is in SQL)
    """The database's own clock, in milliseconds since 1970: the same for every process."""

    type = BigInteger()
    inherit_cache = True


@compiles(now_ms, "sqlite")
def _sqlite_now(*_args: object, **_options: object) -> str:
    return "CAST((julianday('now') - 2440587.5) * 86400000.0 AS INTEGER)"


@compiles(now_ms, POSTGRES)
def _postgres_now(*_args: object, **_options: object) -> str:
    return "CAST(extract(epoch FROM clock_timestamp()) * 1000 AS BIGINT)"


def is_postgres(connection: Connection) -> bool:
    """Whether others may write at the same time."""
    return connection.dialect.name == POSTGRES


def hold(connection: Connection, kind: int, names: Iterable[str]) -> None:
    """Let nobody else hold these ``names`` until this transaction ends; wait for who does.

    Taken all at once and in one order, so that two who want several of them cannot deadlock. Ids
    come from a sequence before the commit: only who holds the lane may put rows into it, so that
    ids grow in the order of the commits. On SQLite there is nobody else.
    """
    if not is_postgres(connection):
        return
    if numbers := sorted({_number(name) for name in names}):
        connection.connection.cursor().execute(_HOLD, (kind, numbers))


def take_hold(connection: Connection, kind: int, names: Collection[str]) -> set[str]:
    """As `hold`, without waiting; gives those that nobody else holds. For PostgreSQL alone."""
    if not names:
        return set()
    cursor = connection.connection.cursor()
    cursor.execute(_TAKE, (kind, sorted({_number(name) for name in names})))
    ours = {number for number, held in cursor.fetchall() if held}
    return {name for name in names if _number(name) in ours}


def _number(name: str) -> int:
    """32 bits: two names that share a number wait for one another, and no harm is done."""
    return crc32(name.encode()) - 2**31


def may_repeat(error: BaseException | None) -> bool:
    """Whether the whole transaction was undone because of others, and is to be tried again."""
    seen: Any = error
    while seen is not None:
        if getattr(seen, "sqlstate", None) in _REPEATED:
            return True
        seen = getattr(seen, "orig", None) or seen.__cause__
    return False
