"""Commands for operators: ``outbox``, ``inbox``, ``customer``."""

from __future__ import annotations

from pathlib import Path

import click
import msgspec

from gateway.cli.audit import operator
from gateway.cli.start import as_json, config, runs, store_of
from gateway.model import Address
from gateway.store import InboxLine, OutboxLine

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
    async with store_of(config) as gateway:
        _show(await gateway.store.outbox.list(), json)


@outbox.command("retry")
@config
@ids
@runs
async def retry_outbox(config: Path | None, ids: tuple[int, ...]) -> None:
    """Send again: these IDS, or all. A running server picks them up within half a minute."""
    async with store_of(config) as gateway:
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
    async with store_of(config) as gateway:
        _show(await gateway.store.inbox.list("stuck"), json)


@inbox.command("retry")
@config
@ids
@runs
async def retry_inbox(config: Path | None, ids: tuple[int, ...]) -> None:
    """Handle again: these IDS, or all. A running server picks them up within half a minute."""
    async with store_of(config) as gateway:
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
    async with store_of(config) as gateway:
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
    async with store_of(config) as gateway:
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


def _show(lines: tuple[OutboxLine, ...] | tuple[InboxLine, ...], json: bool) -> None:
    for line in lines:
        if json:
            click.echo(msgspec.json.encode(line))
        else:
            click.echo(
                f"{line.id}  {line.channel}  {line.state}  attempts {line.attempts}  {line.error}"
            )
    if not lines and not json:
        click.echo("nothing")
