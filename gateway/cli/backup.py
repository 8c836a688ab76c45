"""``warmline backup`` and ``warmline restore``."""

from __future__ import annotations

from pathlib import Path

import click

from gateway.adapters.backup import BackupPlace, make_backup, restore_backup
from gateway.adapters.encryption import read_keys
from gateway.adapters.sql.engine.opening import open_database
from gateway.cli.audit import operator
from gateway.cli.common import (
    config_option,
    json_option,
    load_settings,
    open_store,
    print_json,
    print_note,
    run_async,
)
from gateway.cli.serve import serving_lock
from gateway.settings import Settings


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
        done = f"{manifest.files} files, {file.name}"
        await gateway.audit.record(operator(), "backed_up", origin="cli", detail=done)
    if json:
        print_json(manifest)
        return
    click.echo(f"{file}: the {manifest.database} database and {manifest.files} files")
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
    settings.data_dir.mkdir(parents=True, exist_ok=True)
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
    click.echo(f"restored the {manifest.database} database and {manifest.files} files of {made}")
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
