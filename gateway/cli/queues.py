"""Commands on what is stored: ``outbox``, ``inbox``, ``webhooks`` and ``customer``."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import click
import msgspec

from gateway.app import Gateway
from gateway.cli.audit import operator
from gateway.cli.common import (
    config_option,
    json_option,
    open_store,
    print_json,
    print_note,
    run_async,
    yes_option,
)
from gateway.hookspecs import ask_before
from gateway.model import Address
from gateway.ports import NotFound
from gateway.store import InboxEntry, OutboxEntry
from gateway.support.labels import counted

STAYS = (
    "Out of reach: what was sent or forwarded stays where it arrived (mailboxes, providers), and "
    "so do backups, exports and reports that you wrote to files."
)
"""What an erasure leaves."""
ids_argument = click.argument("ids", nargs=-1, type=int)


@click.group()
def outbox() -> None:
    """Replies that could not be sent.

    These are dead letters, and sends whose outcome nobody knows.
    """


@outbox.command("list")
@config_option
@json_option
@run_async
async def list_outbox(config: Path | None, json: bool) -> None:
    """List the replies that need a decision."""
    async with open_store(config) as gateway:
        _print_entries(await gateway.store.outbox.list(), json)


@outbox.command("retry")
@config_option
@ids_argument
@run_async
async def retry_outbox(config: Path | None, ids: tuple[int, ...]) -> None:
    """Send replies again.

    Without IDS, all listed replies. A running server sends them within half a minute.
    """
    async with open_store(config) as gateway:
        count = await gateway.store.outbox.retry(ids or None)
    click.echo(f"{count} will be sent again")


@click.group()
def inbox() -> None:
    """Messages that could not be handled."""


@inbox.command("list")
@config_option
@json_option
@run_async
async def list_inbox(config: Path | None, json: bool) -> None:
    """List the messages that are stuck."""
    async with open_store(config) as gateway:
        _print_entries(await gateway.store.inbox.list("stuck"), json)


@inbox.command("retry")
@config_option
@ids_argument
@run_async
async def retry_inbox(config: Path | None, ids: tuple[int, ...]) -> None:
    """Handle messages again.

    Without IDS, all listed messages. A running server handles them within half a minute.
    """
    async with open_store(config) as gateway:
        count = await gateway.store.inbox.retry(ids or None)
    click.echo(f"{count} will be handled again")


@click.group()
def customer() -> None:
    """Export or erase the data of a customer.

    ADDRESS is channel:value, such as email:ana@example.org. It stands for that person at each of
    our numbers, mailboxes, bots and sites; email/shop:ana@example.org is one of them.
    """


@customer.command()
@config_option
@click.argument("address")
@run_async
async def export(config: Path | None, address: str) -> None:
    """Print all data of a customer as JSON.

    This includes files (in base64), archived conversations and what plugins keep. ADDRESS is
    channel:value, such as email:ana@example.org.
    """
    async with open_store(config) as gateway:
        exported = []
        for customer, parsed in await _customers_at(gateway, address):
            with suppress(NotFound):
                exported.append(await gateway.customer_data.export(parsed))
                await gateway.audit.record(operator(), "exported", customer=customer, origin="cli")
    if not exported:
        raise NotFound(f"nobody is known by {address}")
    data = exported[0] if len(exported) == 1 else exported
    click.echo(msgspec.json.format(msgspec.json.encode(data), indent=2))


@customer.command()
@config_option
@yes_option
@click.argument("address")
@run_async
async def erase(config: Path | None, yes: bool, address: str) -> None:
    """Delete all data of a customer.

    This includes files, archived conversations and what plugins keep, and cannot be undone. On a
    terminal it asks first. The exit code is 3 while a reader of the database delays the end, and 4
    when an archive is damaged and may hold more. ADDRESS is channel:value, such as
    email:ana@example.org.
    """
    async with open_store(config) as gateway:
        erased = []
        found = await _customers_at(gateway, address)
        known = [customer for customer, _ in found if customer is not None]
        ask_before(_erasure_question(address, known), yes=yes)
        for customer, parsed in found:
            try:
                one = await gateway.customer_data.erase(parsed)
            except NotFound:
                continue
            erased.append(one)
            done = f"{counted(one.rows, 'row')}, {counted(one.files, 'file')}"
            await gateway.audit.record(
                operator(), "erased", customer=customer, origin="cli", detail=done
            )
    if not erased:
        raise NotFound(f"nobody is known by {address}")
    rows, files = sum(one.rows for one in erased), sum(one.files for one in erased)
    archived = sum(one.archived for one in erased)
    kept = sum(one.kept_by_plugins for one in erased)
    click.echo(f"erased {counted(rows, 'row')} and {counted(files, 'file')}")
    if archived or kept:
        click.echo(
            f"and {counted(archived, 'archived conversation')}, "
            f"{counted(kept, 'mail or other thing', 'mails and other things')} that plugins kept"
        )
    print_note(STAYS)
    damaged = list(dict.fromkeys(name for one in erased for name in one.unreadable))
    for name in damaged:
        print_note(f"the archive {name} is damaged: look into it, or delete it")
    if not all(one.finished for one in erased):
        print_note(
            "NOT FINISHED: something reads the database, so its log still holds erased text. A "
            "running server finishes this within a minute after the reader ends; without one, "
            "start it."
        )
        sys.exit(3)
    if damaged:
        sys.exit(4)


def _erasure_question(address: str, known: Sequence[int]) -> str:
    who = ", ".join(f"customer {number}" for number in known) or "nobody in the database"
    return (
        f"{address} is {who}.\n{STAYS}\nDelete everything else about this address for good, "
        "with files, archived conversations and what plugins keep?"
    )


async def _customers_at(gateway: Gateway, text: str) -> list[tuple[int | None, Address]]:
    """The customers with this address, by number, with one address of each. Without the name of a
    support address it stands for all of them, also where only the archive or a plugin has
    something. Raises BadParameter."""
    address = _parse_address(text)
    names = [address]
    if not address.support_address:
        names += await gateway.store.customers.at_support_addresses(address)
        keys = (
            Address.from_lane(f"{key}:{address.value}") for key in gateway.registrations.channels
        )
        names += [one for one in keys if one.channel == address.channel]
    found: dict[int | str, tuple[int | None, Address]] = {}
    for one in names:
        customer = await gateway.audit.customer(one)
        found.setdefault(one.lane if customer is None else customer, (customer, one))
    return list(found.values())


def _parse_address(text: str) -> Address:
    if not Address.from_lane(text).value:
        raise click.BadParameter("write channel:value, such as email:ana@example.org")
    return Address.from_lane(text)


def _print_entries(entries: Sequence[OutboxEntry | InboxEntry], json: bool) -> None:
    for entry in entries:
        if json:
            print_json(entry)
        else:
            click.echo(
                f"{entry.id}  {entry.channel}  {entry.state}  attempts {entry.attempts}"
                f"  {entry.error}"
            )
    if not entries and not json:
        click.echo("nothing")


@click.group()
def webhooks() -> None:
    """Webhooks to other systems.

    A running server sends events that you retry or replay at once.
    """


@webhooks.command("list")
@config_option
@json_option
@run_async
async def list_webhooks(config: Path | None, json: bool) -> None:
    """List the events that an endpoint did not accept."""
    async with open_store(config) as gateway:
        entries = await gateway.store.webhooks.list()
    for entry in entries:
        if json:
            print_json(entry)
        else:
            click.echo(
                f"{entry.id}  {entry.endpoint}  {entry.name}  conversation {entry.conversation}"
                f"  attempts {entry.attempts}  {entry.error}"
            )
    if not entries and not json:
        click.echo("nothing")


@webhooks.command("retry")
@config_option
@ids_argument
@run_async
async def retry_webhooks(config: Path | None, ids: tuple[int, ...]) -> None:
    """Send events again.

    Without IDS, all dead letters.
    """
    async with open_store(config) as gateway:
        count = await gateway.store.webhooks.retry(ids or None)
    click.echo(f"{count} will be sent again")


@webhooks.command("replay")
@config_option
@click.option(
    "--since",
    required=True,
    type=click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S"]),
    help="From when, in UTC.",
)
@click.option("--endpoint", default=None, help="Only to this endpoint. Default: to all.")
@run_async
async def replay_webhooks(config: Path | None, since: datetime, endpoint: str | None) -> None:
    """Send all events since a time again.

    Events that were accepted are included. The events have the same ids as before.
    """
    async with open_store(config) as gateway:
        count = await gateway.store.webhooks.replay(since.replace(tzinfo=UTC), endpoint)
    click.echo(f"{count} will be sent again")
