"""``warmline simulate``: a month of customers and agents whose truth is known."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC
from pathlib import Path
from typing import Any

import click
import msgspec
import yaml

from gateway.cli.common import config_option, load_settings, print_note, run_async
from gateway.support.labels import counted
from gateway.testing.simulation import PLANTS, Scenario, Worker, check_plants, parse_plant
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
    default=None,
    help="New matters on an average day; customers who come back are added. Default: 70.",
)
@click.option(
    "--start",
    type=click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M"]),
    default="2026-03-02",
    show_default=True,
    help="The first day, or a time of it in UTC.",
)
@click.option(
    "--scenario",
    "file",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    help="A YAML file with the staff, the channels, the languages and the rest.",
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
async def simulate(config: Path | None, out: Path, file: Path | None, **options: Any) -> None:
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
    given = {name: value for name, value in options.items() if value is not None}
    scenario = Scenario(**{**_read(file), **given, "plants": plants, "start": start})
    check_plants(scenario)
    ledger = await play(load_settings(config), scenario, out)
    people = sum(row.handled_by == "person" for row in ledger)
    print_note(
        f"{counted(len(ledger), 'conversation')}, {people} of them with people: {out / LEDGER}"
    )


class ScenarioFile(msgspec.Struct, forbid_unknown_fields=True):
    """What a scenario file may have; see `Scenario`. What it lacks is as usual."""

    per_day: float | msgspec.UnsetType = msgspec.UNSET
    channels: dict[str, float] | msgspec.UnsetType = msgspec.UNSET
    languages: dict[str, float] | msgspec.UnsetType = msgspec.UNSET
    staff: tuple[Worker, ...] | msgspec.UnsetType = msgspec.UNSET
    timezone: str | msgspec.UnsetType = msgspec.UNSET
    survey_rate: float | msgspec.UnsetType = msgspec.UNSET
    labels: dict[str, str] | msgspec.UnsetType = msgspec.UNSET
    open_at_end: int | msgspec.UnsetType = msgspec.UNSET


def _read(file: Path | None) -> Mapping[str, Any]:
    """The values of a scenario file. Raises click.ClickException that says what is wrong."""
    if file is None:
        return {}
    try:
        tree = yaml.safe_load(file.read_text("utf-8"))
        values = msgspec.structs.asdict(msgspec.convert(tree, ScenarioFile))
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise click.ClickException(f"{file}: {error}; correct the file") from None
    return {name: value for name, value in values.items() if value is not msgspec.UNSET}
