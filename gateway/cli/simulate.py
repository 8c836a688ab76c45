"""``warmline simulate``: a month of customers and agents whose truth is known."""

from __future__ import annotations

from datetime import UTC
from pathlib import Path
from typing import Any

import click

from gateway.cli.common import config_option, load_settings, print_note, run_async
from gateway.testing.simulation import PLANTS, Scenario, check_plants, parse_plant
from gateway.testing.simulation import simulate as play

LEDGER = "ledger.jsonl"
YEARS = range(1971, 2999)
"""Of `--start`."""


@click.command()
@config_option
@click.option("--seed", type=int, required=True, help="The same seed gives the same month.")
@click.option("--days", type=click.IntRange(1, 366), default=30, show_default=True)
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), required=True)
@click.option(
    "--conversations-per-day",
    "per_day",
    type=click.FloatRange(0.1, 5000),
    default=70.0,
    show_default=True,
    help="New matters on an average day; customers who come back are added.",
)
@click.option(
    "--start",
    type=click.DateTime(["%Y-%m-%d"]),
    default="2026-03-02",
    show_default=True,
    help="The first day.",
)
@click.option(
    "--plant",
    "plants",
    multiple=True,
    metavar="NAME[:KEY=VALUE,...]",
    help=f"Hide something for the report to find: {', '.join(PLANTS)}.",
)
@click.option(
    "--perception",
    type=click.Choice(["real", "truth"]),
    default="real",
    show_default=True,
    help="truth: the gateway is told what each message means, so that figures can be compared.",
)
@run_async
async def simulate(config: Path | None, out: Path, **options: Any) -> None:
    """Simulate a month of customers and agents.

    They go through the real gateway on a virtual clock. DIR/data then has the database, for
    `warmline report` with WARMLINE_DATA_DIR=DIR/data, and DIR/ledger.jsonl the truth: one JSON
    object for each conversation.
    """
    if (out / "data" / "warmline.db").exists():
        raise click.ClickException(f"{out} has a month already; name another folder, or remove it")
    plants = tuple(parse_plant(plant) for plant in options.pop("plants"))
    start = options.pop("start").replace(tzinfo=UTC)
    if start.year not in YEARS:
        raise click.BadParameter(
            f"choose a day of {YEARS[0]} to {YEARS[-1]}", param_hint="'--start'"
        )
    scenario = Scenario(plants=plants, start=start, **options)
    check_plants(scenario)
    ledger = await play(load_settings(config), scenario, out)
    people = sum(row.handled_by == "person" for row in ledger)
    print_note(f"{len(ledger)} conversations, {people} of them with people: {out / LEDGER}")
