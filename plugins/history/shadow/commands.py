"""``warmline shadow on|off|report``."""

from __future__ import annotations

import asyncio
import sys
from contextlib import redirect_stdout
from datetime import UTC, datetime
from pathlib import Path

import click

from gateway import OpenServices, ShadowState, ShadowSwitch, WarmlineError
from plugins.history.audit.command import config_option, minutes_option, operator


@click.group()
def shadow() -> None:
    """The gateway live, saying nothing.

    Every message goes to a person, with what the bot would have said as a suggestion.
    """


@shadow.command()
@config_option
@click.pass_obj
def on(opening: OpenServices, config: Path | None) -> None:
    """Turn it on: from now on the bot answers nobody. All processes follow within a second."""
    _turn(opening, config, on=True)


@shadow.command()
@config_option
@click.pass_obj
def off(opening: OpenServices, config: Path | None) -> None:
    """Turn it off: the bot answers customers. Conversations that wait for a person still do."""
    _turn(opening, config, on=False)


@shadow.command()
@config_option
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder for index.html, audit.json and the lists. Default: only the figures, here.",
)
@minutes_option
@click.pass_obj
def report(opening: OpenServices, config: Path | None, out: Path | None, minutes: float) -> None:
    """Compare what the bot would have said with what people answered since the last `shadow on`.

    The same comparison and the same pages as those of `warmline history audit`.
    """
    from plugins.history.audit import writing  # noqa: PLC0415  (slow to import)
    from plugins.history.audit.data import audit_json  # noqa: PLC0415

    if out is not None:
        writing.check_folder(out)

    async def run() -> list[str]:
        async with opening(config) as (services, _):
            from plugins.history.shadow.report import shadow_report  # noqa: PLC0415

            state = await _switch(services.shadow).state()
            if not state.periods:
                raise WarmlineError("shadow mode was never on; `warmline shadow on` turns it on")
            last = state.periods[-1]
            found = await shadow_report(
                services, since=last.since, until=last.until, minutes=minutes
            )
            await services.audit.record(operator(), "shadow.reported")
            if out is None:
                return [audit_json(found).decode().rstrip()]
            return [str(path) for path in writing.write(found, out)]

    with redirect_stdout(sys.stderr):  # stdout has results alone, and no log
        lines = asyncio.run(run())
    for line in lines:
        click.echo(line)


def _turn(opening: OpenServices, config: Path | None, *, on: bool) -> None:
    async def run() -> tuple[bool, ShadowState]:
        async with opening(config) as (services, _):
            switch = _switch(services.shadow)
            return await switch.turn(on=on, by=operator()), await switch.state()

    turned, state = asyncio.run(run())
    last = state.periods[-1] if state.periods else None
    if on:
        since = _time(last.since) if last else ""
        new = "Shadow mode is on" if turned else f"Shadow mode has been on since {since}"
        click.echo(f"{new}: the bot answers nobody, and every message goes to a person")
    elif turned and last is not None:
        click.echo(f"Shadow mode is off; it was on since {_time(last.since)}. The bot answers")
    else:
        click.echo("Shadow mode was off already")


def _switch(switch: ShadowSwitch | None) -> ShadowSwitch:
    if switch is None:
        raise WarmlineError("these services have no shadow mode; use those of a gateway")
    return switch


def _time(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
