"""``warmline eval``: how well understanding works, on any CSV."""

from __future__ import annotations

from pathlib import Path

import click
import msgspec

from gateway.cli.common import as_json, config, gateway_of, runs
from gateway.ops.evaluation import evaluate_emotion, evaluate_intents, evaluate_language, read_rows
from gateway.ports import Trainable, Understander

csv = click.Path(path_type=Path, exists=True, dir_okay=False)


@click.group("eval")
def evaluate() -> None:
    """Measure understanding on labelled rows."""


@evaluate.command()
@config
@click.option("--train", type=csv, required=True, help="columns text,intent")
@click.option("--test", type=csv, required=True, help="the same; `oos` is out of scope")
@as_json
@runs
async def intents(config: Path | None, train: Path, test: Path, json: bool) -> None:
    """Train on one file, test on another."""
    engine = next((one for one in _engines(config) if isinstance(one, Trainable)), None)
    if engine is None:
        raise click.ClickException("no installed understander can be trained")
    told = await evaluate_intents(engine, read_rows(train, "intent"), read_rows(test, "intent"))
    _tell(told, json)


@evaluate.command()
@config
@click.option("--test", type=csv, required=True, help="columns text,needs_human (0 or 1)")
@as_json
@runs
async def emotion(config: Path | None, test: Path, json: bool) -> None:
    """How well distress tells who needs a person."""
    rows = read_rows(test, "needs_human", allowed=frozenset({"0", "1"}))
    _tell(await evaluate_emotion(_engines(config)[0], rows), json)


@evaluate.command()
@config
@click.option("--test", type=csv, required=True, help="columns text,language (ISO 639-1)")
@click.option("--languages", default=None, help="choose among these, as en,de,fr")
@as_json
@runs
async def language(config: Path | None, test: Path, languages: str | None, json: bool) -> None:
    """How often the language is told right."""
    rows = read_rows(test, "language")
    among = tuple(languages.split(",")) if languages else None
    _tell(await evaluate_language(_engines(config)[0], rows, among), json)


def _engines(file: Path | None) -> list[Understander]:
    engines = gateway_of(file).registrations.understanders
    if not engines:
        raise click.ClickException("no understander is awake; see `warmline plugins`")
    return sorted(engines, key=lambda one: one.priority)


def _tell(told: object, json: bool) -> None:
    encoded = msgspec.json.encode(told)
    click.echo(encoded if json else msgspec.json.format(encoded, indent=2))
