"""``warmline migrate`` and ``warmline move``."""

from __future__ import annotations

from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from gateway.adapters.sql.copying import CopiedTable, copy_database
from gateway.adapters.sql.engine.opening import is_shared, migrate_back, open_database
from gateway.adapters.sql.engine.opening import migrate as forward
from gateway.adapters.sql.engine.sqlite import SqliteDatabase
from gateway.cli.serve import alone
from gateway.cli.start import config, runs, say, settings_of
from gateway.ports import WarmlineError
from gateway.settings import Postgres as Bounds


@click.command()
@config
@click.option("--revision", default=None, help="where to; default: the newest, or one step back")
@click.option("--back", is_flag=True, help="to an earlier one; what later ones hold is lost")
@runs
async def migrate(config: Path | None, revision: str | None, back: bool) -> None:
    """Bring the database's schema up to date, or back. `serve` brings it up to date by itself."""
    settings = settings_of(config)
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    with alone(settings):
        database = open_database(settings.database_url, settings.core.postgres)
        try:
            if back:
                before, after = await migrate_back(database, revision or "-1")
            else:
                before, after = await forward(database, revision or "head")
        finally:
            await database.stop()
    click.echo(f"{before} -> {after}" if before != after else f"at {after} already")


@click.command()
@config
@click.option("--to", "target", required=True, help="postgresql://USER:PASSWORD@HOST/NAME, empty")
@runs
async def move(config: Path | None, target: str) -> None:
    """Copy a SQLite installation into an empty PostgreSQL database, and compare the two.

    All or nothing: when a table differs, the target is left empty. The SQLite file is left as it
    is, and attachments stay where they are.
    """
    settings = settings_of(config)
    if is_shared(settings.core.database_url):
        raise WarmlineError("database_url names a PostgreSQL already: only SQLite can be moved")
    if not is_shared(target):
        raise WarmlineError("--to must be a PostgreSQL: postgresql://USER:PASSWORD@HOST/NAME")
    source = _file(settings.database_url)
    with alone(settings):
        moved = await _move(SqliteDatabase(source), target, settings.core.postgres)
    _show(moved)
    say(f"\nSet DATABASE_URL to the new address; {source} is not used any more then.")
    say(f"Attachments stay in {settings.data_dir / 'files'}: every process needs that folder.")


def _file(url: str) -> Path:
    file = Path(url.removeprefix("sqlite:///"))
    if not file.exists():
        raise WarmlineError(f"there is no database {file}")
    return file


async def _move(here: SqliteDatabase, target: str, bounds: Bounds) -> tuple[CopiedTable, ...]:
    there = open_database(target, bounds)
    try:
        await forward(here)
        await forward(there)
        with here.engine.connect() as source:
            return await there.run_exclusive(lambda c: copy_database(source, c))
    finally:
        await here.stop()
        await there.stop()


def _show(moved: tuple[CopiedTable, ...]) -> None:
    table = Table("table", "rows", "checksum, the same on both sides")
    for one in moved:
        table.add_row(one.table, str(one.rows), one.checksum[:16])
    Console().print(table)
