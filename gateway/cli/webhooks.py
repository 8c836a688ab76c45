"""``warmline webhooks``: what other systems could not be told, and telling it again."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import click
import msgspec

from gateway.cli.start import as_json, config, runs, store_of

ids = click.argument("ids", nargs=-1, type=int)


@click.group()
def webhooks() -> None:
    """Events on their way to other systems. A running server sends what you put back at once."""


@webhooks.command("list")
@config
@as_json
@runs
async def list_webhooks(config: Path | None, json: bool) -> None:
    """Events that an endpoint did not take."""
    async with store_of(config) as gateway:
        lines = await gateway.store.hooks.list()
    for line in lines:
        if json:
            click.echo(msgspec.json.encode(line))
        else:
            click.echo(
                f"{line.id}  {line.endpoint}  {line.name}  conversation {line.conversation}"
                f"  attempts {line.attempts}  {line.error}"
            )
    if not lines and not json:
        click.echo("nothing")


@webhooks.command("retry")
@config
@ids
@runs
async def retry_webhooks(config: Path | None, ids: tuple[int, ...]) -> None:
    """Send again: these IDS, or all dead letters."""
    async with store_of(config) as gateway:
        count = await gateway.store.hooks.retry(ids or None)
    click.echo(f"{count} will be sent again")


@webhooks.command("replay")
@config
@click.option(
    "--since",
    required=True,
    type=click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S"]),
    help="UTC",
)
@click.option("--endpoint", default=None, help="only to this one")
@runs
async def replay_webhooks(config: Path | None, since: datetime, endpoint: str | None) -> None:
    """Send all again that happened since then, heard or not, with the ids it had."""
    async with store_of(config) as gateway:
        count = await gateway.store.hooks.replay(since.replace(tzinfo=UTC), endpoint)
    click.echo(f"{count} will be sent again")
