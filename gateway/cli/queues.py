"""Commands for operators: ``outbox``, ``inbox``, ``customer``, ``webhooks``."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import click
import msgspec

from gateway.cli.audit import operator
from gateway.cli.common import as_json, config, open_store, runs
from gateway.model import Address
from gateway.store import InboxEntry, OutboxEntry

ids = click.argument("ids", nargs=-1, type=int)


@click.group()
def outbox() -> None:
    """Dead letters: replies that could not be sent, or that nobody knows to have arrived."""


@outbox.command("list")
@config
@as_json
@runs
async def list_outbox(config: Path | None, json: bool) -> None:
    """Replies that need a decision."""
    async with open_store(config) as gateway:
        _show(await gateway.store.outbox.list(), json)


@outbox.command("retry")
@config
@ids
@runs
async def retry_outbox(config: Path | None, ids: tuple[int, ...]) -> None:
    """Send again: these IDS, or all. A running server picks them up within half a minute."""
    async with open_store(config) as gateway:
        count = await gateway.store.outbox.retry(ids or None)
    click.echo(f"{count} will be sent again")


@click.group()
def inbox() -> None:
    """Messages that could not be handled."""


@inbox.command("list")
@config
@as_json
@runs
async def list_inbox(config: Path | None, json: bool) -> None:
    """Messages that are stuck."""
    async with open_store(config) as gateway:
        _show(await gateway.store.inbox.list("stuck"), json)


@inbox.command("retry")
@config
@ids
@runs
async def retry_inbox(config: Path | None, ids: tuple[int, ...]) -> None:
    """Handle again: these IDS, or all. A running server picks them up within half a minute."""
    async with open_store(config) as gateway:
        count = await gateway.store.inbox.retry(ids or None)
    click.echo(f"{count} will be handled again")


@click.group()
def customer() -> None:
    """All that is held on a customer. ADDRESS is as ``email:ana@example.org``."""


@customer.command()
@config
@click.argument("address")
@runs
async def export(config: Path | None, address: str) -> None:
    """Print it as JSON."""
    async with open_store(config) as gateway:
        who = _address(address)
        held = await gateway.store.customers.export(who)
        known = await gateway.audit.customer(who)
        await gateway.audit.record(operator(), "exported", customer=known, origin="cli")
    click.echo(msgspec.json.format(msgspec.json.encode(held), indent=2))


@customer.command()
@config
@click.argument("address")
@runs
async def erase(config: Path | None, address: str) -> None:
    """Erase it for good, files included."""
    async with open_store(config) as gateway:
        who = _address(address)
        known = await gateway.audit.customer(who)
        rows, files = await gateway.store.customers.erase(who)
        await gateway.files.forget(files)
        done = f"{rows} rows, {len(files)} files"
        await gateway.audit.record(operator(), "erased", customer=known, origin="cli", detail=done)
    click.echo(f"erased {rows} rows and {len(files)} files")


def _address(text: str) -> Address:
    channel, colon, value = text.partition(":")
    if not colon or not value:
        raise click.BadParameter("write it as channel:value, as in email:ana@example.org")
    return Address(channel=channel, value=value)


def _show(lines: tuple[OutboxEntry, ...] | tuple[InboxEntry, ...], json: bool) -> None:
    for line in lines:
        if json:
            click.echo(msgspec.json.encode(line))
        else:
            click.echo(
                f"{line.id}  {line.channel}  {line.state}  attempts {line.attempts}  {line.error}"
            )
    if not lines and not json:
        click.echo("nothing")


@click.group()
def webhooks() -> None:
    """Events on their way to other systems. A running server sends what you put back at once."""


@webhooks.command("list")
@config
@as_json
@runs
async def list_webhooks(config: Path | None, json: bool) -> None:
    """Events that an endpoint did not take."""
    async with open_store(config) as gateway:
        lines = await gateway.store.webhooks.list()
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
    async with open_store(config) as gateway:
        count = await gateway.store.webhooks.retry(ids or None)
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
    async with open_store(config) as gateway:
        count = await gateway.store.webhooks.replay(since.replace(tzinfo=UTC), endpoint)
    click.echo(f"{count} will be sent again")
