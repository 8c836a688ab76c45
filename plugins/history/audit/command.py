"""``warmline history audit``."""

from __future__ import annotations

import asyncio
import getpass
import sys
from contextlib import redirect_stdout
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import click

from gateway import OpenServices, Services, WarmlineError, counted

config_option = click.option(
    "--config",
    type=click.Path(path_type=Path, dir_okay=False),
    default=None,
    help="Configuration file. Default: warmline.yaml in this folder, else the demo's.",
)
minutes_option = click.option(
    "--minutes",
    type=click.FloatRange(min=0.1, max=240),
    default=5.0,
    show_default=True,
    help="Minutes that a person needs for an answer, for the hours saved.",
)
DATE = click.DateTime(formats=["%Y-%m-%d"])


@click.command()
@config_option
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    required=True,
    help="Folder for index.html, audit.json and the lists; only you may read it.",
)
@click.option("--from", "since", type=DATE, help="The first day: 2026-01-01. Default: the oldest.")
@click.option("--to", "until", type=DATE, help="The last day; it counts too. Default: the newest.")
@click.option("--brand", help="Only this brand.")
@minutes_option
@click.pass_obj
def audit(  # noqa: PLR0917  (click passes them by name)
    opening: OpenServices,
    config: Path | None,
    out: Path,
    since: datetime | None,
    until: datetime | None,
    brand: str | None,
    minutes: float,
) -> None:
    """What would the bot have answered? Replays stored conversations and sends nothing.

    Imported conversations and own ones go through the understanding, routing and handlers that are
    in force, and are compared with what people answered. DIR gets index.html, whose first sheet is
    for a manager, audit.json, and the conversations behind each figure, with customers' words
    masked.
    """
    if since and until and since > until:
        raise WarmlineError("--from is after --to: swap them")
    from plugins.history.audit.writing import check_folder, write  # noqa: PLC0415  (slow to import)

    check_folder(out)

    async def run() -> None:
        async with opening(config) as (services, _):
            from plugins.history.audit.audit import audit as make  # noqa: PLC0415  (slow to import)

            _check_brand(services, brand)
            zone = services.time_zone(brand or "")
            report = await make(
                services,
                since=_midnight(since.date(), zone) if since else None,
                until=_midnight(until.date() + timedelta(days=1), zone) if until else None,
                brand=brand,
                minutes=minutes,
                stage=_say,
            )
            await services.audit.record(operator(), "history.audited")
            for path in write(report, out):
                paths.append(path)  # noqa: PERF402  (printed once stdout is back)

    paths: list[Path] = []
    with redirect_stdout(sys.stderr):  # stdout has results alone, and no log
        asyncio.run(run())
    for path in paths:
        click.echo(path)


def operator() -> str:
    """``cli:`` and the name of the operating system's user."""
    try:
        return f"cli:{getpass.getuser()}"
    except (KeyError, OSError):
        return "cli:unknown"


def _midnight(day: date, zone: str) -> datetime:
    return datetime.combine(day, time(), ZoneInfo(zone)).astimezone(UTC)


def _check_brand(services: Services, brand: str | None) -> None:
    if brand is not None and brand not in services.brands:
        known = ", ".join(sorted(services.brands)) or "none; see docs/brands.md"
        raise WarmlineError(f"--brand {brand}: there is no such brand; the brands are: {known}")


def _say(what: str, done: int, of: int) -> None:
    """A line of progress, on stderr."""
    end = "\n" if done >= of else "\r" if sys.stderr.isatty() else ""
    if end:
        click.echo(f"{what} {done:,} of {counted(of, 'conversation')}{end}", err=True, nl=False)
