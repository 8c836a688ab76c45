"""``warmline retention``: what is older than it may be."""

from __future__ import annotations

from pathlib import Path

import click
import msgspec

from gateway.cli.doctor import is_served
from gateway.cli.start import as_json, config, runs, store_of
from gateway.ports import WarmlineError


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
    async with store_of(config) as gateway:
        if vacuum and is_served(gateway.settings.data_dir / "serving.lock"):
            raise WarmlineError("a server works here: stop it before --vacuum, which stops writing")
        gone = await gateway.retention.run(dry=dry_run)
        if vacuum and not dry_run:
            await gateway.store.keeping.squeeze()
    if json:
        click.echo(msgspec.json.encode(gone))
        return
    verb = "would go" if dry_run else "gone"
    for name, count in msgspec.structs.asdict(gone).items():
        click.echo(f"{count:8} {name} {verb}")
