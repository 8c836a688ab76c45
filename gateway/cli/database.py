"""Commands on the database: ``migrate``, ``move``, ``keys``, ``retention``."""

from __future__ import annotations

from pathlib import Path

import click
import msgspec
from rich.console import Console
from rich.table import Table

from gateway.adapters.encryption import new_key
from gateway.adapters.sql.copying import CopiedTable, copy_database
from gateway.adapters.sql.encryption import rotate_keys
from gateway.adapters.sql.engine.opening import is_shared, migrate_back, open_database
from gateway.adapters.sql.engine.opening import migrate as forward
from gateway.adapters.sql.engine.sqlite import SqliteDatabase
from gateway.cli.audit import operator
from gateway.cli.common import as_json, config, open_store, print_line, runs, settings_of
from gateway.cli.doctor import is_served
from gateway.cli.serve import alone
from gateway.ports import WarmlineError
from gateway.settings import PostgresSettings as Bounds


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
    print_line(f"\nSet DATABASE_URL to the new address; {source} is not used any more then.")
    print_line(
        f"Attachments stay in {settings.data_dir / 'files'}: every process needs that folder."
    )


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


@click.group()
def keys() -> None:
    """Encryption at rest, by WARMLINE_DATA_KEY: the first key seals, all of them open."""


@keys.command()
def new() -> None:
    """Print a new key."""
    click.echo(new_key())


@keys.command()
@config
@runs
async def rotate(config: Path | None) -> None:
    """Seal everything with the first key: what is plain, and what another key sealed.
    A running server must hold the same keys. Cut off, it is simply begun again."""
    async with open_store(config) as gateway:
        done = await rotate_keys(
            gateway.database,
            gateway.files,
            lambda name, count: click.echo(f"{name}: {count} changed"),
        )
        first = gateway.database.keys.first
        await gateway.audit.record(
            operator(), "keys_rotated", origin="cli", detail=f"to {first or 'none'}"
        )
    for name in done:
        click.echo(f"the key {name} is needed no more (backups may still need it)")


@click.group()
def retention() -> None:
    """What is older than the setting `retention` allows. A running server does it once a day."""


@retention.command()
@config
@as_json
@click.option("--dry-run", is_flag=True, help="only count")
@click.option("--vacuum", is_flag=True, help="then give the space back; needs the server stopped")
@runs
async def run(config: Path | None, json: bool, dry_run: bool, vacuum: bool) -> None:
    """Archive and delete it now."""
    async with open_store(config) as gateway:
        if vacuum and is_served(gateway.settings.data_dir / "serving.lock"):
            raise WarmlineError("a server works here: stop it before --vacuum, which stops writing")
        gone = await gateway.retention.run(dry=dry_run)
        if vacuum and not dry_run:
            await gateway.store.retention.vacuum()
    if json:
        click.echo(msgspec.json.encode(gone))
        return
    verb = "would go" if dry_run else "gone"
    for name, count in msgspec.structs.asdict(gone).items():
        click.echo(f"{count:8} {name} {verb}")
