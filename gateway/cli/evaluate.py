"""``warmline eval``: how well messages are understood and answered, measured on labelled CSV
files."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import click
import msgspec
from rich.table import Table

from gateway.cli.common import (
    config_option,
    follow_versions,
    json_option,
    load_gateway,
    load_settings,
    make_table,
    print_json,
    print_note,
    print_table,
    run_async,
)
from gateway.cli.replay import Exchange, ask_as_new_customers
from gateway.model import Understanding
from gateway.ops.evaluation import (
    BotResponse,
    JudgedAnswer,
    answer_shares,
    evaluate_emotion,
    evaluate_intents,
    evaluate_language,
    judge_answers,
)
from gateway.ops.labelled_rows import read_emotion_rows, read_rows
from gateway.ports import Trainable, Understander
from gateway.settings import Settings

csv = click.Path(path_type=Path, exists=True, dir_okay=False)


@click.group("eval")
def evaluate() -> None:
    """Measure how well messages are understood and answered.

    The messages come from CSV files with labels. Each counts as a new customer's first.
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
    "--test",
    type=csv,
    required=True,
    help="CSV with the column text and any of needs_human (0 or 1), moods (a label, or two as in "
    "frustrated|angry), escalate (1, 0 or empty) and language (ISO 639-1).",
)
@json_option
@run_async
async def emotion(config: Path | None, test: Path, json: bool) -> None:
    """Test how well upset customers are recognised, and how often calm ones are taken for upset."""
    gateway = load_gateway(config)
    await follow_versions(gateway)
    engines = _awake(gateway.registrations.understanders)
    figures = await evaluate_emotion(engines, read_emotion_rows(test), gateway.policy)
    if json:
        print_json(figures)
    else:
        for table in _emotion_tables(figures):
            print_table(table)


@evaluate.command()
@config_option
@click.argument("file", type=csv)
@json_option
@click.option("--all", "complete", is_flag=True, help="List all wrong answers, not only the first.")
@run_async
async def answers(config: Path | None, file: Path, json: bool, complete: bool) -> None:
    """Test what customers get for their first message.

    FILE is a CSV with the columns text,answer. The answer is the name of an intent, a fragment of
    the right words, person if a person should answer, or refuse if any answer would be wrong. Each
    message goes through a temporary gateway, within business hours: nothing is sent, and the
    database does not change.
    """
    judged = await run_answers(load_settings(config), file)
    for name in _unknown_names(judged):
        print_note(
            f"note: no engine ranked an intent `{name}`, so it counts as a fragment of the answer;"
            " correct it if it is a name"
        )
    shares = answer_shares(judged)
    if json:
        print_json(shares)
        return
    table = make_table("", "share", "95 % interval", "messages")
    for outcome, share in shares.items():
        count = sum(each.outcome == outcome for each in judged)
        interval = f"{share['low']:.3f} to {share['high']:.3f}"
        table.add_row(outcome, _figure(share["value"]), interval, str(count))
    print_table(table)
    _list_wrong([each for each in judged if each.outcome == "wrong"], complete=complete)


async def run_answers(settings: Settings, file: Path) -> list[JudgedAnswer]:
    """Ask everything in ``file`` (see `answers`). Raises BadConfig for mistakes in it."""
    rows = read_rows(file, "answer")
    exchanges = await ask_as_new_customers(settings, [text for text, _ in rows])
    return judge_answers(rows, [as_response(exchange) for exchange in exchanges])


def as_response(exchange: Exchange) -> BotResponse:
    """What the customer got. The intents that were answered are those of the message's questions,
    or its own if it asks only one thing."""
    found = exchange.asked.understanding or Understanding()
    questions = [question.guess.name for question in found.questions]
    answers = [reply for reply in exchange.replies if reply.purpose in ("answer", "message")]
    return BotResponse(
        text="\n".join(reply.text for reply in exchange.replies),
        answered=bool(answers),
        handed_over=exchange.route.action == "escalate",
        intents=tuple(questions or [found.intent.name]),
        known=frozenset(guess.name for guess in found.ranking),
    )


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
    return _awake(load_gateway(file).registrations.understanders)


def _awake(engines: Sequence[Understander]) -> list[Understander]:
    if not engines:
        raise click.ClickException("no understander is awake; see `warmline plugins`")
    return sorted(engines, key=lambda engine: engine.priority)


def _print(figures: object, json: bool) -> None:
    if json:
        print_json(figures)
    else:
        click.echo(msgspec.json.format(msgspec.json.encode(figures), indent=2))


def _unknown_names(judged: Sequence[JudgedAnswer]) -> list[str]:
    """What looks like the name of an intent (``shipping_time``) that no engine knows."""
    known = frozenset[str]().union(*(each.response.known for each in judged))
    return sorted({each.wanted for each in judged if NAME.fullmatch(each.wanted)} - known)


NAME = re.compile(r"[^\W_]+(?:_[^\W_]+)+")


def _emotion_tables(figures: Mapping[str, object]) -> list[Table]:
    """How the rows are ranked, and what they are taken for in each language."""
    ranking = make_table("figure", "value")
    for name in ("auroc", "recall_at_precision_90", "latency_ms_p50"):
        ranking.add_row(name, _figure(figures[name]))
    by_language = figures.get("by_language")
    if not isinstance(by_language, Mapping):
        return [ranking]
    moods = make_table("language", *MOOD_COLUMNS.values(), "messages")
    for code, shares in {**by_language, "all": figures}.items():
        cells = [_figure(shares[name]) for name in MOOD_COLUMNS]
        moods.add_row(code, *cells, str(shares.get("n", "")))
    return [moods, ranking]


MOOD_COLUMNS = {
    "mood_accuracy": "mood right",
    "escalate_precision": "escalate: precision",
    "escalate_recall": "escalate: recall",
    "alarm_rate": "alarms",
}


def _list_wrong(wrong: Sequence[JudgedAnswer], *, complete: bool) -> None:
    listed = wrong if complete else wrong[:LISTED]
    if not listed:
        return
    table = make_table("message", "wanted", "answered", "with")
    for each in listed:
        table.add_row(
            each.text, each.wanted, ", ".join(each.response.intents), _short(each.response.text)
        )
    click.echo()
    print_table(table)
    if len(wrong) > len(listed):
        click.echo(f"{len(wrong) - len(listed)} more; --all lists them")


LISTED = 20
"""Wrong answers that are listed without ``--all``."""
SHORT = 120
"""Characters of an answer in the list."""


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= SHORT else f"{line[: SHORT - 1]}…"


def _figure(value: object) -> str:
    return f"{value:.3f}" if isinstance(value, float) else "-"
