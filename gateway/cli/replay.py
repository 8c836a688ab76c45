"""``warmline replay``: events through a fresh gateway that forgets them afterwards."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import click
import msgspec

from gateway.app import Gateway
from gateway.cli.common import as_json, config, runs, settings_of
from gateway.model import Address, Inbound
from gateway.plugins import PluginRegistry, installed_plugins
from gateway.ports import Traits
from gateway.settings import Settings
from gateway.testing import FakeClock

Word = Annotated[str, msgspec.Meta(min_length=1)]


class ReplayEvent(msgspec.Struct, frozen=True, kw_only=True):
    """A line of the file: what a customer wrote, and when (ISO 8601 with an offset)."""

    channel: Word
    sender: Word = msgspec.field(name="from")
    text: str
    at: datetime | None = None
    id: str | None = None


class ReplayReply(msgspec.Struct, frozen=True, kw_only=True):
    """A line of the answer: what was said to whom."""

    channel: str
    to: str
    author: str
    text: str
    in_reply_to: str | None
    route: dict[str, object] | None


class NoReplyYet:
    """A channel with nobody at the other end: what is said stays in the mailbox."""

    traits = Traits(mailbox=True, buttons=True)

    def __init__(self, name: str) -> None:
        self.name = name


@click.command()
@config
@as_json
@click.argument("file", type=click.File("r", encoding="utf-8"))
@runs
async def replay(config: Path | None, json: bool, file: Iterable[str]) -> None:
    """Run the events of FILE, one JSON object a line, and print every outbound message."""
    events = read(file)
    with tempfile.TemporaryDirectory(prefix="warmline-replay-") as folder:
        for said in await run(settings_of(config), events, Path(folder)):
            if json:
                click.echo(msgspec.json.encode(said))
            else:
                click.echo(f"{said.channel} → {said.to} ({said.author}): {said.text}")


def read(lines: Iterable[str]) -> list[ReplayEvent]:
    """The events in ``lines``; a mistake is told with its line number."""
    events = []
    for number, line in enumerate(lines, 1):
        if line.strip():
            try:
                events.append(msgspec.json.decode(line, type=ReplayEvent))
            except msgspec.DecodeError as error:
                raise click.ClickException(f"line {number}: {error}") from None
    return events


async def run(settings: Settings, events: Sequence[ReplayEvent], folder: Path) -> list[ReplayReply]:
    """All that was said, in the order in which it was committed."""
    # What engines learnt before lies in the data directory; only the database is a fresh one.
    database = f"sqlite:///{folder / 'replay.db'}"
    core = settings.core.model_copy(update={"database_url": database})
    clock = FakeClock(_first(events))
    gateway = Gateway(
        PluginRegistry(installed_plugins()),
        settings.replace(core=core),
        clock=clock,
        channels={name: NoReplyYet(name) for name in sorted({e.channel for e in events})},
    )
    await gateway.start()
    try:
        heard: list[ReplayReply] = []
        seen: dict[Address, int] = {}
        for event in events:
            await _until(gateway, clock, event.at)
            await _say(gateway, clock, event)
            seen.setdefault(Address(channel=event.channel, value=event.sender), 0)
            await gateway.wait_idle()
            heard += await _news(gateway, seen)
        return heard
    finally:
        await gateway.stop()


def _first(events: Sequence[ReplayEvent]) -> datetime:
    known = [event.at for event in events if event.at is not None]
    return min(known) if known else datetime.now(UTC)


async def _until(gateway: Gateway, clock: FakeClock, at: datetime | None) -> None:
    """Let the time pass, and what was set for it happen."""
    while at is not None and at > clock.now():
        due = await gateway.store.timers.next_due()
        until = min(at, due) if due and due > clock.now() else at
        await clock.advance((until - clock.now()).total_seconds())
        for lane in await gateway.store.timers.fire(clock.now()):
            gateway.incoming.wake(lane)
        await gateway.wait_idle()


async def _say(gateway: Gateway, clock: FakeClock, event: ReplayEvent) -> None:
    address = Address(channel=event.channel, value=event.sender)
    message = Inbound(address=address, text=event.text, at=clock.now(), remote_id=event.id)
    await gateway.services.intake.accept(message)


async def _news(gateway: Gateway, seen: dict[Address, int]) -> list[ReplayReply]:
    found = []
    for address, after in list(seen.items()):
        said = await gateway.reply_waiter.messages(address, after=after, limit=1000, own=True)
        asked: dict[int | None, str | None] = {
            m.turn: m.remote_id for m in said if m.author == "customer"
        }
        for message in said:
            seen[address] = message.id
            if message.author != "customer":
                route = message.route
                found.append(
                    (
                        message.id,
                        ReplayReply(
                            channel=address.channel,
                            to=address.value,
                            author=message.author,
                            text=message.text,
                            in_reply_to=asked.get(message.turn),
                            route=_route(route) if route else None,
                        ),
                    )
                )
    return [said for _, said in sorted(found, key=lambda pair: pair[0])]


def _route(route: object) -> dict[str, object]:
    built: dict[str, object] = msgspec.to_builtins(route)
    return built
