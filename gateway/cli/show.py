"""Commands that look: ``check``, ``understand``, ``plugins``, ``channels``, ``processes``."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path

import click
import msgspec
from rich.console import Console
from rich.table import Table

from gateway.app import routes
from gateway.cli.common import as_json, chosen, config, gateway_of, print_line, runs
from gateway.model import RenderContext, Reply, Route, Turn, Understanding
from gateway.ops.evaluation import fresh_turn
from gateway.plugins import BadPlugin, PluginRegistry, installed_plugins
from gateway.ports import Voice, WarmlineError
from gateway.routing.route import decide
from gateway.settings import BadConfig, load


@click.command()
@config
def check(config: Path | None) -> None:
    """Check the settings and every file they name. ``OK``, or a line for each problem."""
    try:
        gateway = gateway_of(config)
        list(routes(gateway))
    except BadConfig as bad:
        for problem in bad.problems:
            click.echo(str(problem))
        sys.exit(1)
    except BadPlugin as bad:
        click.echo(f"{chosen(config)}:1: packages: {bad}")
        sys.exit(1)
    for name, channel in gateway.registrations.channels.items():
        if (limit := channel.traits.max_length) and _exceeds(
            gateway.registrations.voice, name, limit
        ):
            print_line(
                f"warning: guide: channels.{name}.max_length: it is above the channel's own limit"
                f" of {limit}, which applies; set {limit} or less"
            )
    click.echo("OK")


def _exceeds(voice: Voice, channel: str, limit: int) -> bool:
    """Whether the guide alone would let a message on ``channel`` be longer than ``limit``."""
    reply = Reply(opener="", body=("a " * (limit // 2 + 1),), purpose="message")
    rendered = voice.render(reply, RenderContext(channel=channel, author="agent"))
    return max(map(len, rendered.parts)) > limit


@click.command()
@config
@as_json
@click.argument("text")
@runs
async def understand(config: Path | None, json: bool, text: str) -> None:
    """What TEXT means, how its writer feels, and what would happen. ``-`` reads lines."""
    lines = sys.stdin if text == "-" else [text]
    gateway = gateway_of(config)
    for line in lines:
        turn = fresh_turn(line.rstrip("\n"), datetime.now(UTC))
        turn = turn.replace(understanding=await gateway.pipeline.understanding.understand(turn))
        route = decide(turn, gateway.policy)
        told = told_of(turn.understanding, route)
        click.echo(msgspec.json.encode(told).decode() if json else _in_words(turn, route))


def told_of(found: Understanding, route: Route) -> dict[str, object]:
    """The JSON of ``understand --json``."""
    return {
        "language": found.language,
        "intent": found.intent,
        "ranking": found.ranking[:5],
        "emotion": found.emotion,
        "route": {
            "action": route.action,
            "tier": route.tier,
            "reasons": [reason.code for reason in route.reasons],
            "details": [reason.detail for reason in route.reasons],
        },
        "signals": found.signals,
    }


def _in_words(turn: Turn, route: Route) -> str:
    found = turn.understanding
    cues = ", ".join(f"“{cue.text}” ({cue.kind})" for cue in found.emotion.cues) or "no cues"
    why = (
        "; ".join(reason.detail or reason.code for reason in route.reasons) or "nothing against it"
    )
    return (
        f"language  {found.language.code} ({found.language.confidence:.2f})\n"
        f"intent    {found.intent.name} ({found.intent.confidence:.2f})\n"
        f"emotion   {found.emotion.label} {found.emotion.intensity:.2f}: {cues}\n"
        f"route     {route.action} ({route.tier}): {why}"
    )


@click.command()
@config
def plugins(config: Path | None) -> None:
    """What is installed, from which package, awake or asleep and why."""
    plugins = PluginRegistry(installed_plugins())
    declared = plugins.declared()
    settings = load(chosen(config), declared)
    gateway = gateway_of(config)
    table = _table("name", "package", "state", "offers")
    for plugin in plugins.all:
        offered = gateway.registrations.by.get(plugin.name, ())
        sleeping = [
            f"{one.name}: {settings.asleep[one.name]}"
            for one in declared
            if one.name in settings.asleep and _of(one.name, plugin.name)
        ]
        state = "awake" if offered else "asleep"
        why = ", ".join(offered) or "; ".join(sleeping) or "offers nothing"
        table.add_row(plugin.name, f"{plugin.package} {plugin.version}".strip(), state, why)
    _print(table)


@click.command()
@config
@runs
async def channels(config: Path | None) -> None:
    """The channels, awake or asleep, and what is missing to wake one."""
    plugins = PluginRegistry(installed_plugins())
    settings = load(chosen(config), plugins.declared())
    gateway = gateway_of(config)
    table = _table("channel", "state", "what")
    for name, channel in sorted(gateway.registrations.channels.items()):
        kind = "customers fetch their messages" if channel.traits.mailbox else "we send"
        table.add_row(name, "awake", kind)
    for name, why in sorted(settings.asleep.items()):
        if name.startswith("channels."):
            table.add_row(name.removeprefix("channels."), "asleep", why)
    _print(table)


@click.command()
@config
@runs
async def processes(config: Path | None) -> None:
    """The processes that work together through Redis, and what each of them alone looks after."""
    gateway = gateway_of(config)
    if gateway.cluster.others is None:
        raise WarmlineError("there is no `redis_url` in the settings: one process works alone")
    found = await gateway.cluster.processes()
    await gateway.cluster.stop()
    table = _table("process", "role", "host", "pid", "since", "watches")
    for one in found:
        since = f"{one.since:%Y-%m-%d %H:%M:%S}"
        watches = ", ".join(one.watches)
        table.add_row(one.id, one.role, one.host, str(one.pid), since, watches)
    _print(table)


def _of(section: str, plugin: str) -> bool:
    return section.rpartition(".")[2] == plugin


def _table(*columns: str) -> Table:
    table = Table(box=None, header_style="bold", pad_edge=False)
    for column in columns:
        table.add_column(column, overflow="fold")
    return table


def _print(*tables: Table) -> None:
    console = Console(width=None if sys.stdout.isatty() else 160)
    for table in tables:
        console.print(table)
