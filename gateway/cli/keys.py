"""``warmline keys``: the keys that seal what customers and colleagues wrote."""

from __future__ import annotations

from pathlib import Path

import click

from gateway.adapters.sealing import new_key
from gateway.adapters.sql.encryption import rotate_keys
from gateway.cli.audit import operator
from gateway.cli.start import config, runs, store_of


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
    async with store_of(config) as gateway:
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
