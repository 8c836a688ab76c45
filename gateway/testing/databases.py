"""PostgreSQL databases for tests: one for each folder that a test uses.

A test that starts a gateway twice in the same folder finds its data again, as with a SQLite file.
Creating a database takes a second; emptying one that another test has released takes about 50 ms.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit, urlunsplit

import asyncpg

from gateway.adapters.sql.engine.opening import migrate, open_database
from gateway.adapters.sql.schema import metadata
from gateway.settings import PostgresSettings

T = TypeVar("T")
ON_POSTGRES = "WARMLINE_TEST_DATABASE_URL"
"""The environment variable with the server's URL. Without it tests use SQLite."""
REGISTER = """
CREATE TABLE IF NOT EXISTS test_databases (name TEXT PRIMARY KEY, folder TEXT)
"""


def database_of(folder: Path, server: str) -> str:
    """The URL of the database for ``folder``. It is empty at the first call."""
    return _run(_database_of(str(folder.resolve()), server))


def release_databases(folder: Path, server: str) -> None:
    """Let other tests use the databases of ``folder`` and of the folders in it."""
    _run(_release_databases(str(folder.resolve()), server))


def _run(work: Coroutine[Any, Any, T]) -> T:
    """Run ``work`` in a new event loop, whether or not one runs already."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, work).result()


def _url(server: str, name: str) -> str:
    """The URL of the database ``name`` at ``server``."""
    return urlunsplit(urlsplit(server)._replace(path=f"/{name}"))


async def _database_of(folder: str, server: str) -> str:
    admin = await asyncpg.connect(server)
    try:
        await admin.execute(REGISTER)
        known = await admin.fetchval("SELECT name FROM test_databases WHERE folder = $1", folder)
        if known is None:
            known = await _reuse(admin, folder, server) or await _create(admin, folder, server)
    finally:
        await admin.close()
    return _url(server, known)


async def _reuse(admin: Any, folder: str, server: str) -> str | None:
    """Empty a released database and return its name; None if there is none."""
    name: str | None = await admin.fetchval(
        "UPDATE test_databases SET folder = $1 WHERE name = (SELECT name FROM test_databases"
        " WHERE folder IS NULL LIMIT 1 FOR UPDATE SKIP LOCKED) RETURNING name",
        folder,
    )
    if name is None:
        return None
    tables = ", ".join(table.name for table in metadata.sorted_tables)
    connection = await asyncpg.connect(_url(server, name))
    try:
        await connection.execute(f"TRUNCATE {tables} RESTART IDENTITY CASCADE")
    finally:
        await connection.close()
    return name


async def _create(admin: Any, folder: str, server: str) -> str:
    name = "w" + sha256(folder.encode()).hexdigest()[:20]
    await admin.execute(f"DROP DATABASE IF EXISTS {name}")
    await admin.execute(f"CREATE DATABASE {name}")
    database = open_database(_url(server, name), PostgresSettings())
    await migrate(database)
    await database.stop()
    await admin.execute("INSERT INTO test_databases VALUES ($1, $2)", name, folder)
    return name


async def _release_databases(folder: str, server: str) -> None:
    admin = await asyncpg.connect(server)
    try:
        await admin.execute(REGISTER)
        await admin.execute(
            "UPDATE test_databases SET folder = NULL WHERE folder = $1 OR starts_with(folder, $2)",
            folder,
            folder + "/",
        )
    finally:
        await admin.close()
