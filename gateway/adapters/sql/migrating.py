"""Bringing the schema to a revision, forward or back."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Connection

from gateway.adapters.sql.revision import revision_of
from gateway.adapters.sql.units import AnyDatabase
from gateway.ports import WarmlineError


async def migrate(database: AnyDatabase, revision: str = "head") -> tuple[str, str]:
    """Bring the schema up to ``revision``; gives the revisions before and after. Call before any
    unit runs. Raises WarmlineError."""
    return await database.alone(lambda c: _move(c, revision, back=False))


async def migrate_back(database: AnyDatabase, revision: str) -> tuple[str, str]:
    """Take the schema back to ``revision``; what only later ones hold is lost."""
    return await database.alone(lambda c: _move(c, revision, back=True))


def _move(connection: Connection, revision: str, *, back: bool) -> tuple[str, str]:
    before = revision_of(connection)
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.attributes["connection"] = connection
    known = {one.revision for one in ScriptDirectory.from_config(config).walk_revisions()}
    if before != "base" and before not in known:
        what = f"the database is at revision {before}, which a later version of Warmline made"
        raise WarmlineError(f"{what}; run that one, or take the schema back with it first")
    try:
        (command.downgrade if back else command.upgrade)(config, revision)
    except CommandError as error:
        raise WarmlineError(f"no such revision: {error}") from None
    connection.commit()
    return before, revision_of(connection)
