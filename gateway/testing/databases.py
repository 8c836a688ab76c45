"""Databases of a PostgreSQL server for tests: one for each folder that a test works in.

A test that starts a gateway twice in one folder finds its data again, as with a SQLite file. Making
a database takes a second; emptying one that another test has done with takes some 50 ms.
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
"""The environment variable with the server's address; without it tests use SQLite."""
REGISTER = """
CREATE TABLE IF NOT EXISTS test_databases (name TEXT PRIMARY KEY, folder TEXT)
"""


def database_of(folder: Path, server: str) -> str:
    """The address of the database of ``folder``: empty when it is asked for the first time."""
    return at_once(_database_of(str(folder.resolve()), server))


def done_with(folder: Path, server: str) -> None:
    """The databases of ``folder`` and of folders in it may be another test's."""
    at_once(_done_with(str(folder.resolve()), server))


def at_once(work: Coroutine[Any, Any, T]) -> T:
    """Run ``work`` on a loop of its own, from wherever."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, work).result()


def named(server: str, name: str) -> str:
    """The address of database ``name`` at ``server``."""
    return urlunsplit(urlsplit(server)._replace(path=f"/{name}"))


async def _database_of(folder: str, server: str) -> str:
    admin = await asyncpg.connect(server)
    try:
        await admin.execute(REGISTER)
        known = await admin.fetchval("SELECT name FROM test_databases WHERE folder = $1", folder)
        if known is None:
            known = await _used_again(admin, folder, server) or await _new(admin, folder, server)
    finally:
        await admin.close()
    return named(server, known)


async def _used_again(admin: Any, folder: str, server: str) -> str | None:
    """An emptied one. Some may have been left at another revision by its test: not those."""
    name: str | None = await admin.fetchval(
        "UPDATE test_databases SET folder = $1 WHERE name = (SELECT name FROM test_databases"
        " WHERE folder IS NULL LIMIT 1 FOR UPDATE SKIP LOCKED) RETURNING name",
        folder,
    )
    if name is None:
        return None
    tables = ", ".join(table.name for table in metadata.sorted_tables)
    own = await asyncpg.connect(named(server, name))
    try:
        await own.execute(f"TRUNCATE {tables} RESTART IDENTITY CASCADE")
    finally:
        await own.close()
    return name


async def _new(admin: Any, folder: str, server: str) -> str:
    name = "w" + sha256(folder.encode()).hexdigest()[:20]
    await admin.execute(f"DROP DATABASE IF EXISTS {name}")
    await admin.execute(f"CREATE DATABASE {name}")
    database = open_database(named(server, name), PostgresSettings())
    await migrate(database)
    await database.stop()
    await admin.execute("INSERT INTO test_databases VALUES ($1, $2)", name, folder)
    return name


async def _done_with(folder: str, server: str) -> None:
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
