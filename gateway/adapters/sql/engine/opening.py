"""Opens the database at a URL, and brings its schema to a revision.

Alembic is imported only when there is something to migrate: a start with an up-to-date schema saves
a fifth of a second and 10 MB.
"""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Connection, inspect, text

from gateway.adapters.encryption import DataKeys
from gateway.adapters.sql.engine.base import SqlDatabase
from gateway.adapters.sql.engine.sqlite import SqliteDatabase
from gateway.ports import WarmlineError
from gateway.settings import BadConfig, PostgresSettings, Problem

POSTGRES = ("postgresql://", "postgres://", "postgresql+asyncpg://")
SQLITE = "sqlite:///"
MIGRATIONS = Path(__file__).parent.parent / "migrations"
REVISIONS = sorted(file.stem[1:5] for file in (MIGRATIONS / "versions").glob("v[0-9]*.py"))
"""Every revision, the oldest first. A migration's file is named after its revision."""
NEWEST = REVISIONS[-1]


def open_database(url: str, limits: PostgresSettings, keys: DataKeys | None = None) -> SqlDatabase:
    """The database at ``url``, without connecting to it. ``keys`` encrypt stored text. Raises
    BadConfig."""
    if url.startswith(SQLITE):
        return SqliteDatabase(sqlite_file(url), keys)
    for scheme in POSTGRES:
        if url.startswith(scheme):
            # Imported here: asyncpg needs 10 MB of memory.
            from gateway.adapters.sql.engine.postgres import PostgresDatabase  # noqa: PLC0415

            return PostgresDatabase("postgresql://" + url.removeprefix(scheme), limits, keys)
    what = "must be sqlite:///FILE or postgresql://USER:PASSWORD@HOST/NAME"
    raise BadConfig(
        [
            Problem(
                file="settings",
                line=0,
                key="database_url",
                message=f"{what}; leave it out to use a file in data_dir",
            )
        ]
    )


def sqlite_file(url: str) -> Path:
    """The file of a SQLite ``url``."""
    return Path(url.removeprefix(SQLITE))


def is_shared(url: str | None) -> bool:
    """Whether several processes may serve from ``url``."""
    return url is not None and url.startswith(POSTGRES)


def revision_of(connection: Connection) -> str:
    """The schema's revision; ``base`` when there is no schema."""
    found = None
    if inspect(connection).has_table("alembic_version"):
        found = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    return found or "base"


async def migrate(database: SqlDatabase, revision: str = "head") -> tuple[str, str]:
    """Bring the schema up to ``revision``; return the revisions before and after. Call before any
    job runs. Raises WarmlineError."""
    return await database.run_exclusive(lambda c: _migrate(c, revision, back=False))


async def migrate_back(database: SqlDatabase, revision: str) -> tuple[str, str]:
    """Take the schema back to ``revision``, which deletes what only later revisions hold; see
    `migrate`."""
    return await database.run_exclusive(lambda c: _migrate(c, revision, back=True))


def _migrate(connection: Connection, revision: str, *, back: bool) -> tuple[str, str]:
    from alembic import command  # noqa: PLC0415  (slow: see the module's docstring)
    from alembic.config import Config  # noqa: PLC0415
    from alembic.util import CommandError  # noqa: PLC0415

    before = revision_of(connection)
    connection.rollback()
    if before not in ("base", *REVISIONS):
        what = f"the database has revision {before}, which a later version of Warmline made"
        raise WarmlineError(f"{what}; run that version, or take the schema back with it first")
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["connection"] = connection
    try:
        (command.downgrade if back else command.upgrade)(config, revision)
    except CommandError as error:
        raise WarmlineError(f"cannot migrate to {revision}: {error}") from None
    connection.commit()
    return before, revision_of(connection)
