"""``warmline replay``: runs messages through a temporary gateway and prints the replies."""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, TextIO

import click
import msgspec

from gateway.app import Gateway
from gateway.cli.common import (
    config_option,
    json_option,
    load_settings,
    print_json,
    read_overlays,
    read_text,
    run_async,
)
from gateway.model import Address, Inbound, Message, Route
from gateway.plugins import PluginRegistry, installed_plugins
from gateway.ports import Traits
from gateway.routing.hours import reopens_at
from gateway.settings import Settings
from gateway.testing import FakeClock

_Text = Annotated[str, msgspec.Meta(min_length=1)]


class ReplayEvent(msgspec.Struct, frozen=True, kw_only=True):
    """A line of the file: what a customer wrote, and when (ISO 8601 with an offset)."""

    channel: _Text
    sender: _Text = msgspec.field(name="from")
    text: str
    at: datetime | None = None
    id: str | None = None

    @property
    def address(self) -> Address:
        return Address.from_lane(f"{self.channel}:{self.sender}")


class ReplayReply(msgspec.Struct, frozen=True, kw_only=True):
    """A line of the output: one outbound message."""

    channel: str
    to: str
    author: str
    text: str
    in_reply_to: str | None
    route: dict[str, object] | None
    sources: tuple[str, ...] = ()
    """What the answer rests on: title, date and address of each page."""


class ReplayChannel:
    """A mailbox channel without a provider. Replies stay in the mailbox."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.traits = Traits(
            mailbox=True, buttons=True, confirms_opt_out=name in ("sms", "whatsapp")
        )


class Exchange(msgspec.Struct, frozen=True, kw_only=True):
    """A customer's message as it was stored, and what they got for it, part by part."""

    asked: Message
    replies: tuple[Message, ...]

    @property
    def route(self) -> Route:
        """Where the message went in the end: a reply's route is newer than the message's."""
        routes = [each.route for each in (self.asked, *self.replies) if each.route]
        return routes[-1] if routes else Route(action="pass")


@click.command()
@config_option
@json_option
@click.argument("file", type=click.File("r", encoding="utf-8"))
@run_async
async def replay(config: Path | None, json: bool, file: TextIO) -> None:
    """Replay messages and print the replies.

    FILE has one JSON object per line: {"channel", "from", "text"}, and "at" and "id" if needed. If
    FILE is -, stdin is read. The messages run through a temporary gateway: nothing is sent, and
    the database does not change.
    """
    events = read_events(read_text(file).split("\n"))
    with tempfile.TemporaryDirectory(prefix="warmline-replay-") as folder:
        for reply in await run(load_settings(config), events, Path(folder)):
            if json:
                print_json(reply)
            else:
                click.echo(f"{reply.channel} → {reply.to} ({reply.author}): {reply.text}")


def read_events(lines: Iterable[str]) -> list[ReplayEvent]:
    """Parse ``lines``. Raises ClickException with the number of the first wrong line."""
    events = []
    for number, line in enumerate(lines, 1):
        if line.strip():
            try:
                events.append(msgspec.json.decode(line, type=ReplayEvent))
            except msgspec.DecodeError as error:
                raise click.ClickException(f"line {number}: {error}; correct it") from None
    return events


async def run(settings: Settings, events: Sequence[ReplayEvent], folder: Path) -> list[ReplayReply]:
    """Return all replies, in the order of their commits. ``folder`` is for the database."""
    times = [event.at for event in events if event.at is not None]
    clock = FakeClock(min(times, default=datetime.now(UTC)))
    channels = {event.channel for event in events}
    async with temporary_gateway(settings, clock, channels, folder) as gateway:
        replies: list[ReplayReply] = []
        last_ids: dict[Address, int] = {}
        for event in events:
            await _advance_to(event.at, gateway, clock)
            message = Inbound(
                address=event.address, text=event.text, at=clock.now(), remote_id=event.id
            )
            await gateway.services.intake.accept(message)
            last_ids.setdefault(event.address, 0)
            await gateway.wait_idle()
            replies += await _new_replies(gateway, last_ids)
        return replies


async def ask_as_new_customers(settings: Settings, texts: Sequence[str]) -> list[Exchange]:
    """What each of ``texts`` leads to as the first message of a customer of its own, within
    business hours."""
    clock = FakeClock(datetime.now(UTC))
    exchanges = []
    with tempfile.TemporaryDirectory(prefix="warmline-replay-") as folder:
        async with temporary_gateway(settings, clock, {"rest"}, Path(folder)) as gateway:
            opening = reopens_at(gateway.infrastructure.hours.of(""), clock.now()) or clock.now()
            await clock.advance((opening - clock.now()).total_seconds())
            for number, text in enumerate(texts):
                address = Address(channel="rest", value=f"customer-{number}")
                await gateway.services.intake.accept(
                    Inbound(address=address, text=text, at=clock.now())
                )
                await gateway.wait_idle()
                asked, *replies = await gateway.reply_waiter.messages(address, own=True)
                exchanges.append(Exchange(asked=asked, replies=tuple(replies)))
    return exchanges


@asynccontextmanager
async def temporary_gateway(
    settings: Settings, clock: FakeClock, channels: Iterable[str], folder: Path
) -> AsyncIterator[Gateway]:
    """A gateway of all installed plugins that runs by ``clock``, with mailbox channels of these
    names and an empty database in ``folder``. Nothing is sent."""
    # The data directory stays the same: it holds what engines have learnt. What people adopted is
    # read from the database of the settings.
    overlays = await read_overlays(settings)
    database = f"sqlite:///{folder / 'replay.db'}"
    core = settings.core.model_copy(update={"database_url": database})
    gateway = Gateway(
        PluginRegistry(installed_plugins()),
        settings.replace(core=core),
        clock=clock,
        channels={name: ReplayChannel(name) for name in sorted(channels)},
    )
    await gateway.infrastructure.follower.use(overlays)
    await gateway.start()
    try:
        yield gateway
    finally:
        await gateway.stop()


async def _advance_to(at: datetime | None, gateway: Gateway, clock: FakeClock) -> None:
    """Let the time pass, and the timers fire that are due until then."""
    while at is not None and at > clock.now():
        due = await gateway.store.timers.next_due()
        until = min(at, due) if due and due > clock.now() else at
        await clock.advance((until - clock.now()).total_seconds())
        for lane in await gateway.store.timers.fire(clock.now()):
            gateway.incoming.wake(lane)
        await gateway.wait_idle()


async def _new_replies(gateway: Gateway, last_ids: dict[Address, int]) -> list[ReplayReply]:
    """What was sent to each address since its last id, which is moved on."""
    found: list[tuple[int, ReplayReply]] = []
    for address, after in list(last_ids.items()):
        messages = await gateway.reply_waiter.messages(address, after=after, limit=1000, own=True)
        remote_ids = {m.turn: m.remote_id for m in messages if m.author == "customer"}
        for message in messages:
            last_ids[address] = message.id
            if message.author != "customer":
                reply = _reply(message, address, remote_ids.get(message.turn))
                found.append((message.id, reply))
    return [reply for _, reply in sorted(found, key=lambda pair: pair[0])]


def _reply(message: Message, address: Address, in_reply_to: str | None) -> ReplayReply:
    return ReplayReply(
        channel=address.channel_key,
        to=address.value,
        author=message.author,
        text=message.text,
        in_reply_to=in_reply_to,
        route=msgspec.to_builtins(message.route) if message.route else None,
        sources=tuple(fact.value for fact in message.facts if fact.name == "source"),
    )
