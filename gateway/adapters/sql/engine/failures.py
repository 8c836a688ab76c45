"""What keeps a database from being used, in words for the person who runs it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator

_SQLITE = {
    sqlite3.SQLITE_FULL: "its disk is full; make room",
    sqlite3.SQLITE_BUSY: "another process holds it locked; end that process",
    sqlite3.SQLITE_LOCKED: "another process holds it locked; end that process",
    sqlite3.SQLITE_READONLY: "it cannot be written; check the owner and mode of the file and its "
    "folder, and whether the disk is mounted for reading only",
    sqlite3.SQLITE_CANTOPEN: "it cannot be opened; check that its folder exists and that this user "
    "may write there",
    sqlite3.SQLITE_PERM: "this user may not open it; check its owner and mode",
    sqlite3.SQLITE_IOERR: "its disk reports errors; check the disk and its free space",
}
DAMAGED = "it is damaged, or no database of Warmline; restore a backup with `warmline restore`"
_DAMAGE = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}
_POSTGRES = {
    "25006": "it is read-only; connect to the primary server",
    "28P01": "it refuses the password; correct `database_url`",
    "3D000": "there is no database of that name; create it, or correct `database_url`",
    "53100": "its disk is full; make room",
    "53300": "it takes no more connections; raise max_connections, or lower `postgres.writers`",
    "57P03": "it is starting up or shutting down; it is tried again",
}
_POSTGRES_DAMAGE = {"XX001", "XX002"}
"""data_corrupted and index_corrupted (PostgreSQL, appendix A)."""


def is_damage(error: BaseException) -> bool:
    """Whether ``error`` says that the database itself is damaged."""
    return any(
        _sqlite_code(each) in _DAMAGE or getattr(each, "sqlstate", None) in _POSTGRES_DAMAGE
        for each in _causes(error)
    )


def in_words(error: BaseException) -> str:
    """What is wrong and what to do. Never quotes the error, which may hold a customer's words."""
    if is_damage(error):
        return DAMAGED
    for each in _causes(error):
        known = _SQLITE.get(_sqlite_code(each)) or _POSTGRES.get(getattr(each, "sqlstate", ""))
        if known:
            return known
    if any(isinstance(each, OSError | TimeoutError) for each in _causes(error)):
        return "it cannot be reached; check that it runs, and `database_url`"
    return f"it failed with {type(error).__name__}; see the server's log"


def _sqlite_code(error: BaseException) -> int:
    """The primary result code (sqlite.org/rescode.html); 0 for another kind of error."""
    return (getattr(error, "sqlite_errorcode", None) or 0) & 0xFF


def _causes(error: BaseException) -> Iterator[BaseException]:
    cause: BaseException | None = error
    while cause is not None:
        yield cause
        cause = getattr(cause, "orig", None) or cause.__cause__
