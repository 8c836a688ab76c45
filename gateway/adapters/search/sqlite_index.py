"""An index in a SQLite file of its own (FTS5), beside the database.

In the database itself, adding to the index and merging its parts would hold the lock that turns
need. The file can be deleted at any time: it is built again.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from gateway.store.search import IndexMatch, SearchDocument, SearchQuery
from gateway.support.private import private_database

T = TypeVar("T")
NEWEST_ID = 2**62
MARK = "INSERT INTO removed VALUES (1)"
"""Words were removed and may be left in the index or its log."""
SCHEMA = """
PRAGMA journal_mode=WAL;
PRAGMA synchronous=NORMAL;
PRAGMA secure_delete=ON;
PRAGMA busy_timeout=10000;
CREATE VIRTUAL TABLE IF NOT EXISTS words USING fts5(
    text, people, conversation UNINDEXED, lane UNINDEXED, brand UNINDEXED,
    tokenize = 'unicode61', prefix = '3'
);
CREATE TABLE IF NOT EXISTS position (looked_at INTEGER NOT NULL);
INSERT INTO position SELECT 0 WHERE NOT EXISTS (SELECT 1 FROM position);
CREATE TABLE IF NOT EXISTS removed (mark INTEGER NOT NULL);
"""


class SqliteSearchIndex:
    """See `SearchIndex`. ``file`` is made when it is first needed. A damaged one is made anew."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="search")
        self._connection: sqlite3.Connection | None = None

    async def add(self, documents: Sequence[SearchDocument], looked_at: int) -> None:
        rows = [(d.id, d.text, d.people, d.conversation, d.lane, d.brand) for d in documents]

        def job(connection: sqlite3.Connection) -> None:
            connection.executemany(
                "INSERT OR REPLACE INTO words(rowid, text, people, conversation, lane, brand)"
                " VALUES (?, ?, ?, ?, ?, ?)",
                rows,
            )
            connection.execute("UPDATE position SET looked_at = ?", (looked_at,))

        await self._run(job)

    async def position(self) -> int:
        return await self._run(
            lambda c: int(c.execute("SELECT looked_at FROM position").fetchone()[0])
        )

    async def matches(self, query: SearchQuery, before: int, limit: int) -> tuple[IndexMatch, ...]:
        brands = ", ".join("?" * len(query.brands))
        among = f" AND brand IN ({brands})" if brands else ""
        statement = (
            "SELECT rowid, conversation FROM words WHERE words MATCH ? AND rowid < ?"  # noqa: S608  (only `?`)
            f"{among} ORDER BY rowid DESC LIMIT ?"
        )
        values = (_fts5(query), before or NEWEST_ID, *query.brands, limit)
        found = await self._run(lambda c: c.execute(statement, values).fetchall())
        return tuple(IndexMatch(message=row[0], conversation=row[1]) for row in found)

    async def shown(
        self, query: SearchQuery, since: int, conversations: Sequence[int]
    ) -> frozenset[int]:
        among = ", ".join("?" * len(conversations))
        statement = (
            "SELECT DISTINCT conversation FROM words WHERE words MATCH ? AND rowid >= ?"  # noqa: S608  (only `?`)
            f" AND conversation IN ({among})"
        )
        values = (_fts5(query), since, *conversations)
        found = await self._run(lambda c: c.execute(statement, values).fetchall())
        return frozenset(row[0] for row in found)

    async def ids(self, after: int, limit: int) -> tuple[int, ...]:
        statement = "SELECT rowid FROM words WHERE rowid > ? ORDER BY rowid LIMIT ?"
        found = await self._run(lambda c: c.execute(statement, (after, limit)).fetchall())
        return tuple(row[0] for row in found)

    async def remove(self, ids: Sequence[int]) -> None:
        rows = [(id,) for id in ids]

        def job(connection: sqlite3.Connection) -> None:
            connection.executemany("DELETE FROM words WHERE rowid = ?", rows)
            connection.execute(MARK)

        await self._run(job)
        await self.purge()

    async def remove_lanes(self, lanes: Sequence[str]) -> int:
        if self._connection is None and not self._file.exists():
            return 0
        rows = [(lane,) for lane in lanes]

        def job(connection: sqlite3.Connection) -> int:
            connection.execute(MARK)
            return connection.executemany("DELETE FROM words WHERE lane = ?", rows).rowcount

        removed = await self._run(job)
        await self.purge()
        return max(removed, 0)

    async def clear(self) -> None:
        def job(connection: sqlite3.Connection) -> None:
            connection.execute("DELETE FROM words")
            connection.execute("UPDATE position SET looked_at = 0")
            connection.execute(MARK)

        await self._run(job)
        await self.purge()

    async def close(self) -> None:
        if self._connection is not None:
            await asyncio.get_running_loop().run_in_executor(self._thread, self._connection.close)
            self._connection = None
        self._thread.shutdown(wait=True)

    async def purge(self) -> None:
        """FTS5 keeps the words of a deleted row until the parts of the index are merged; the log
        keeps them until it is emptied (https://www.sqlite.org/fts5.html). The mark stays until
        both are done, so that a crash or a reader only delays it."""
        if not await self._run(lambda c: c.execute("SELECT 1 FROM removed LIMIT 1").fetchone()):
            return
        await self._run(lambda c: c.execute("INSERT INTO words(words) VALUES ('optimize')").close())
        if await self._run(_empty_log, bare=True):
            await self._run(lambda c: c.execute("DELETE FROM removed").close())

    async def _run(self, job: Callable[[sqlite3.Connection], T], *, bare: bool = False) -> T:
        """Run ``job`` in a transaction, unless it is ``bare``, in the index's thread."""

        def work() -> T:
            connection = self._opened()
            if bare:
                return job(connection)
            with connection:
                return job(connection)

        return await asyncio.get_running_loop().run_in_executor(self._thread, work)

    def _opened(self) -> sqlite3.Connection:
        if self._connection is None:
            try:
                self._connection = self._open()
            except sqlite3.DatabaseError as error:
                if isinstance(error, sqlite3.OperationalError):
                    raise
                for end in ("", "-wal", "-shm"):
                    Path(f"{self._file}{end}").unlink(missing_ok=True)
                self._connection = self._open()
        return self._connection

    def _open(self) -> sqlite3.Connection:
        if str(self._file) != ":memory:":
            private_database(self._file)
        connection = sqlite3.connect(self._file, check_same_thread=False)
        try:
            connection.executescript(SCHEMA)
        except BaseException:
            connection.close()
            raise
        return connection


def _empty_log(connection: sqlite3.Connection) -> bool:
    """Whether nothing is left in the log: a reader in another process may need it still."""
    busy, _, _ = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    return not busy


def _fts5(query: SearchQuery) -> str:
    """The query in FTS5's syntax. Words have letters and digits alone, so quotes suffice."""
    phrases = [f'"{" ".join(group)}"' for group in query.groups]
    return " AND ".join(phrases) + ("" if query.whole else " *")
