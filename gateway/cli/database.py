"""Commands on the database: ``migrate``, ``move``, ``backup``, ``keys`` and ``retention``."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import click
import msgspec
from rich.console import Console
from rich.table import Table

from gateway.adapters.backup import BackupPlace, make_backup, restore_backup
from gateway.adapters.encryption import new_key, read_keys
from gateway.adapters.sql.copying import CopiedTable, copy_database
from gateway.adapters.sql.encryption import rotate_keys
from gateway.adapters.sql.engine.opening import is_shared, migrate_back, open_database, sqlite_file
from gateway.adapters.sql.engine.opening import migrate as migrate_forward
from gateway.adapters.sql.engine.sqlite import SqliteDatabase
from gateway.cli.audit import operator
from gateway.cli.common import (
    config_option,
    json_option,
    load_settings,
    open_store,
    print_json,
    print_note,
    run_async,
    yes_option,
)
from gateway.cli.doctor import is_served
from gateway.cli.serve import serving_lock
from gateway.hookspecs import ask_before, may_ask
from gateway.ops.retention import DeletedCounts
from gateway.ports import WarmlineError
from gateway.settings import PostgresSettings, Settings
from gateway.support.labels import counted
from gateway.support.private import private_folder


@click.command()
@config_option
@click.option("--revision", default=None, help="Default: the newest; with --back, one step back.")
@click.option("--back", is_flag=True, help="Go back. Data that only newer revisions have is lost.")
@yes_option
@run_async
async def migrate(config: Path | None, revision: str | None, back: bool, yes: bool) -> None:
    """Migrate the database's schema.

    `warmline serve` migrates to the newest revision by itself. On a terminal --back asks first.
    """
    settings = load_settings(config)
    if back:
        to = f"to revision {revision}" if revision else "one revision back"
        question = f"Take the schema {to}, and delete the data that only newer revisions have?"
        ask_before(question, yes=yes)
    private_folder(settings.data_dir)
    with serving_lock(settings):
        database = open_database(settings.database_url, settings.core.postgres)
        try:
            if back:
                before, after = await migrate_back(database, revision or "-1")
            else:
                before, after = await migrate_forward(database, revision or "head")
        finally:
            await database.stop()
    click.echo(f"{before} -> {after}" if before != after else f"already at {after}")


@click.command()
@config_option
@click.option(
    "--to", "target", required=True, help="An empty database: postgresql://USER:PASSWORD@HOST/NAME."
)
@run_async
async def move(config: Path | None, target: str) -> None:
    """Copy a SQLite database to PostgreSQL.

    The PostgreSQL database must be empty. All tables are compared afterwards. If a table
    differs, nothing is left in the target. The SQLite file does not change, and
    attachments stay where they are. Stop the server first.
    """
    settings = load_settings(config)
    if is_shared(settings.core.database_url):
        raise WarmlineError("`database_url` is PostgreSQL already; only SQLite can be moved")
    if not is_shared(target):
        raise WarmlineError("--to is not PostgreSQL; write postgresql://USER:PASSWORD@HOST/NAME")
    file = _database_file(settings)
    with serving_lock(settings):
        moved = await _move(SqliteDatabase(file), target, settings.core.postgres)
    table = Table("table", "rows", "checksum, the same on both sides")
    for each in moved:
        table.add_row(each.table, str(each.rows), each.checksum[:16])
    Console().print(table)
    print_note(f"\nSet DATABASE_URL to the new address. {file} is then no longer used.")
    print_note(
        f"Attachments stay in {settings.data_dir / 'files'}, which every process must reach."
    )


def _database_file(settings: Settings) -> Path:
    file = sqlite_file(settings.database_url)
    if not file.exists():
        raise WarmlineError(f"there is no database {file}; check `data_dir` and `database_url`")
    return file


async def _move(
    source: SqliteDatabase, target: str, bounds: PostgresSettings
) -> tuple[CopiedTable, ...]:
    destination = open_database(target, bounds)
    try:
        await migrate_forward(source)
        await migrate_forward(destination)
        with source.engine.connect() as connection:
            return await destination.run_exclusive(lambda into: copy_database(connection, into))
    finally:
        await source.stop()
        await destination.stop()


@click.group()
def keys() -> None:
    """Keys for encryption at rest.

    The first key in WARMLINE_DATA_KEY encrypts, each of them decrypts.
    """


@keys.command()
def new() -> None:
    """Print a new key."""
    click.echo(new_key())


@keys.command()
@config_option
@run_async
async def rotate(config: Path | None) -> None:
    """Encrypt everything with the first key.

    This includes plain data and data encrypted with the other keys. A running server must have
    the same keys. If this is interrupted, run it again.
    """
    async with open_store(config) as gateway:
        unused = await rotate_keys(
            gateway.database,
            gateway.files,
            lambda name, count: click.echo(f"{name}: {count} changed"),
        )
        first = gateway.database.keys.first
        await gateway.audit.record(
            operator(), "keys_rotated", origin="cli", detail=f"to {first or 'none'}"
        )
    for name in unused:
        click.echo(f"the key {name} is no longer needed (backups may still need it)")


@click.group()
def retention() -> None:
    """Deletion of old data.

    The setting `retention` says how old. A running server deletes once a day.
    """


@retention.command()
@config_option
@json_option
@click.option("--dry-run", is_flag=True, help="Only count.")
@click.option("--vacuum", is_flag=True, help="Then shrink the file; stop the server first.")
@yes_option
@run_async
async def run(config: Path | None, json: bool, dry_run: bool, vacuum: bool, yes: bool) -> None:
    """Archive and delete old data now.

    On a terminal it asks first.
    """
    async with open_store(config) as gateway:
        if vacuum and is_served(gateway.settings.data_dir / "serving.lock"):
            raise WarmlineError("a server is running here; stop it before you use --vacuum")
        if not dry_run and not yes and may_ask():
            old = await gateway.retention.run(dry=True)
            if many := ", ".join(_in_words(old)):
                ask_before(f"Delete for good, as `retention` says: {many}?", yes=yes)
        deleted = await gateway.retention.run(dry=dry_run)
        if vacuum and not dry_run:
            await gateway.store.retention.vacuum()
    if json:
        print_json(deleted)
        return
    verb = "would be deleted" if dry_run else "deleted"
    for name, count in msgspec.structs.asdict(deleted).items():
        click.echo(f"{count:8} {name} {verb}")


def _in_words(deleted: DeletedCounts) -> Iterator[str]:
    """What there is of it to delete: ``1 conversation``."""
    nouns = ("conversation", "attachment", "inbox row", "outbox row", "webhook", "file")
    for count, noun in zip(msgspec.structs.astuple(deleted), nouns, strict=True):
        if count:
            yield counted(count, noun)


@click.command()
@config_option
@json_option
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@run_async
async def backup(config: Path | None, json: bool, file: Path) -> None:
    """Write the database and all files to FILE.

    A server may run meanwhile. FILE holds what customers wrote; with data keys it is encrypted.
    The keys are not in it: keep them elsewhere.
    """
    async with open_store(config) as gateway:
        manifest = await make_backup(gateway.database, place_of(gateway.settings), file)
        done = f"{counted(manifest.files, 'file')}, {file.name}"
        await gateway.audit.record(operator(), "backed_up", origin="cli", detail=done)
    if json:
        print_json(manifest)
        return
    click.echo(f"{file}: the {manifest.database} database and {counted(manifest.files, 'file')}")
    _name_keys(manifest.keys)


@click.command()
@config_option
@json_option
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@run_async
async def restore(config: Path | None, json: bool, file: Path) -> None:
    """Fill an empty database and data folder from FILE.

    Nothing that is there is overwritten: set `data_dir` and `database_url` to new places. Then
    start the server.
    """
    settings = load_settings(config)
    core = settings.core
    private_folder(settings.data_dir)
    keys = read_keys(core.data_key.get_secret_value() if core.data_key else "")
    with serving_lock(settings):
        database = open_database(settings.database_url, core.postgres, keys)
        try:
            manifest = await restore_backup(database, place_of(settings), file)
        finally:
            await database.stop()
    if json:
        print_json(manifest)
        return
    made = f"{manifest.made_at:%Y-%m-%d %H:%M} UTC"
    files = counted(manifest.files, "file")
    click.echo(f"restored the {manifest.database} database and {files} of {made}")
    print_note(
        "Visitors of the web chat begin new conversations, unless you copy webchat.key, too."
    )


def place_of(settings: Settings) -> BackupPlace:
    """Where the data of ``settings`` lie."""
    return BackupPlace(url=settings.database_url, files=settings.data_dir / "files")


def _name_keys(names: tuple[str, ...]) -> None:
    if names:
        print_note(f"To restore it you need the data keys {', '.join(names)}; they are not in it.")
    else:
        print_note("It is not encrypted: no data key is set. Keep it where only you can read it.")
