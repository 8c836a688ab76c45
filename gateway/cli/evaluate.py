"""``warmline eval``: how well messages are understood, measured on labelled CSV files."""

from __future__ import annotations

from pathlib import Path

import click
import msgspec

from gateway.cli.common import config_option, json_option, load_gateway, print_json, run_async
from gateway.ops.evaluation import evaluate_emotion, evaluate_intents, evaluate_language, read_rows
from gateway.ports import Trainable, Understander

csv = click.Path(path_type=Path, exists=True, dir_okay=False)


@click.group("eval")
def evaluate() -> None:
    """Measure how well messages are understood.

    The messages come from CSV files with labels.
    """


@evaluate.command()
@config_option
@click.option("--train", type=csv, required=True, help="CSV with the columns text,intent.")
@click.option(
    "--test", type=csv, required=True, help="The same; the intent oos means out of scope."
)
@json_option
@run_async
async def intents(config: Path | None, train: Path, test: Path, json: bool) -> None:
    """Train and test the recognition of intents."""
    engine = next((each for each in _engines(config) if isinstance(each, Trainable)), None)
    if engine is None:
        raise click.ClickException(
            "no awake understander can be trained; add `nlu_local: {}` to `plugins`"
        )
    rows = read_rows(train, "intent"), read_rows(test, "intent")
    _print(await evaluate_intents(engine, *rows), json)


@evaluate.command()
@config_option
@click.option(
    "--test", type=csv, required=True, help="CSV with the columns text,needs_human (0 or 1)."
)
@json_option
@run_async
async def emotion(config: Path | None, test: Path, json: bool) -> None:
    """Test how well upset customers are recognised."""
    rows = read_rows(test, "needs_human", allowed=frozenset({"0", "1"}))
    _print(await evaluate_emotion(_engines(config)[0], rows), json)


@evaluate.command()
@config_option
@click.option(
    "--test", type=csv, required=True, help="CSV with the columns text,language (ISO 639-1)."
)
@click.option(
    "--languages", default=None, help="Choose among these (en,de,fr). Default: those in the file."
)
@json_option
@run_async
async def language(config: Path | None, test: Path, languages: str | None, json: bool) -> None:
    """Test how often the language is recognised."""
    rows = read_rows(test, "language")
    among = tuple(languages.split(",")) if languages else None
    _print(await evaluate_language(_engines(config)[0], rows, among), json)


def _engines(file: Path | None) -> list[Understander]:
    engines = load_gateway(file).registrations.understanders
    if not engines:
        raise click.ClickException("no understander is awake; see `warmline plugins`")
    return sorted(engines, key=lambda engine: engine.priority)


def _print(figures: object, json: bool) -> None:
    if json:
        print_json(figures)
    else:
        click.echo(msgspec.json.format(msgspec.json.encode(figures), indent=2))
