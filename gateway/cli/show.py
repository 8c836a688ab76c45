"""Commands that report: ``understand``, ``plugins``, ``channels``, ``processes``."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import click

from gateway.cli.common import (
    config_option,
    find_config,
    follow_versions,
    json_option,
    load_gateway,
    make_table,
    print_json,
    print_table,
    run_async,
)
from gateway.model import Route, Understanding
from gateway.ops.evaluation import fresh_turn
from gateway.plugins import PluginRegistry, installed_plugins
from gateway.ports import WarmlineError
from gateway.routing.route import decide
from gateway.settings import load


@click.command()
@config_option
@json_option
@click.argument("text")
@run_async
async def understand(config: Path | None, json: bool, text: str) -> None:
    """Show what the gateway makes of TEXT.

    This is the language, the intent, the customer's emotion, and the route: what the gateway would
    do. If TEXT is -, each line of stdin is a message. Every message counts as a new customer's
    first, within business hours.
    """
    gateway = load_gateway(config)
    await follow_versions(gateway)
    for message in _lines_of_stdin() if text == "-" else [text]:
        turn = fresh_turn(message, datetime.now(UTC))
        turn = turn.replace(understanding=await gateway.pipeline.understanding.understand(turn))
        route = decide(turn, gateway.policy)
        if json:
            print_json(_as_json(turn.understanding, route))
        else:
            click.echo(_as_text(turn.understanding, route))


def _lines_of_stdin() -> Iterator[str]:
    """Raises ClickException for a line that is no text in UTF-8."""
    for number, line in enumerate(sys.stdin.buffer, 1):
        try:
            yield line.decode("utf-8-sig").rstrip("\r\n")
        except UnicodeDecodeError:
            message = f"line {number} of stdin is no text in UTF-8; save it as plain text in UTF-8"
            raise click.ClickException(message) from None


def _as_json(found: Understanding, route: Route) -> dict[str, object]:
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
        "slots": found.slots,
    }


def _as_text(found: Understanding, route: Route) -> str:
    cues = ", ".join(f"“{cue.text}” ({cue.kind})" for cue in found.emotion.cues) or "no cues"
    reasons = "; ".join(r.detail or r.code for r in route.reasons) or "no reason to step back"
    return (
        f"language  {found.language.code} ({found.language.confidence:.2f})\n"
        f"intent    {found.intent.name} ({found.intent.confidence:.2f})\n"
        f"emotion   {found.emotion.label} {found.emotion.intensity:.2f}: {cues}\n"
        f"route     {route.action} ({route.tier}): {reasons}"
    )


@click.command()
@config_option
def plugins(config: Path | None) -> None:
    """List the installed plugins and their state.

    Each is awake and listed with what it offers, or asleep and listed with the reason.
    """
    registry = PluginRegistry(installed_plugins())
    declared = registry.declared()
    asleep = load(find_config(config), declared).asleep
    registered = load_gateway(config).registrations.by
    table = make_table("name", "package", "state", "offers")
    for plugin in registry.all:
        offered = registered.get(plugin.name, ())
        sleeping = [
            f"{section.name}: {asleep[section.name]}"
            for section in declared
            if section.name in asleep and section.name.rpartition(".")[2] == plugin.name
        ]
        state = "awake" if offered else "asleep"
        details = ", ".join(offered) or "; ".join(sleeping) or "offers nothing"
        table.add_row(plugin.name, f"{plugin.package} {plugin.version}".strip(), state, details)
    print_table(table)


@click.command()
@config_option
@run_async
async def channels(config: Path | None) -> None:
    """List the channels and their state.

    A sleeping channel is listed with what is missing.
    """
    settings = load(find_config(config), PluginRegistry(installed_plugins()).declared())
    gateway = load_gateway(config)
    table = make_table("channel", "state", "details")
    for name, channel in sorted(gateway.registrations.channels.items()):
        kind = (
            "customers fetch messages" if channel.traits.mailbox else "the gateway sends messages"
        )
        brand = gateway.settings.brands.by_key(name)
        table.add_row(name, "awake", f"{kind}, of the brand {brand}" if brand else kind)
    for name, reason in sorted(settings.asleep.items()):
        if name.startswith("channels."):
            table.add_row(name.removeprefix("channels."), "asleep", reason)
    print_table(table)


@click.command()
@config_option
@run_async
async def processes(config: Path | None) -> None:
    """List the processes that share work.

    They find one another through Redis. Exclusive tasks run in only one process at a time.
    """
    gateway = load_gateway(config)
    if gateway.cluster.others is None:
        raise WarmlineError(
            "`redis_url` is not set: one process works alone. Set it to run several"
        )
    found = await gateway.cluster.processes()
    await gateway.cluster.stop()
    table = make_table("process", "role", "host", "pid", "since", "exclusive tasks")
    for each in found:
        since = f"{each.since:%Y-%m-%d %H:%M:%S}"
        tasks = ", ".join(each.watches)
        table.add_row(each.id, each.role, each.host, str(each.pid), since, tasks)
    print_table(table)
