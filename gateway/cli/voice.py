"""``warmline voice``: the brand voice, tried at the command line."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Literal, TextIO, get_args

import click
import msgspec

from gateway.cli.common import as_json, chosen, config, settings_of
from gateway.model import Emotion, MoodLabel, RenderContext, Reply
from gateway.plugins import PluginRegistry, installed_plugins
from gateway.ports import Voice

channel = click.option("--channel", required=True, help="rest, webchat, email, sms, slack ...")
emotion = click.option("--emotion", type=click.Choice(get_args(MoodLabel)), default="calm")
author = click.option("--author", type=click.Choice(["bot", "agent"]), default="bot")
language = click.option("--language", default=None, help="of the words; else it is guessed")
file = click.argument("file", type=click.File("r", encoding="utf-8"))


@click.group()
def voice() -> None:
    """Render and check words as the brand voice would."""


@voice.command()
@config
@channel
@emotion
@author
@as_json
@file
def render(  # noqa: PLR0917  (click gives them by name)
    config: Path | None,
    channel: str,
    emotion: MoodLabel,
    author: Literal["bot", "agent"],
    json: bool,
    file: TextIO,
) -> None:
    """FILE as it would look on a channel: a reply's JSON, or plain text. ``-`` is stdin."""
    rendered = _voice(config).render(_reply(file.read()), _occasion(channel, emotion, author))
    if not json:
        click.echo("\n---\n".join(rendered.parts))
        return
    told = {
        "parts": rendered.parts,
        "encoding": rendered.encoding,
        "segments": rendered.segments,
        "applied": rendered.applied,
        "advice": [{"rule": one.rule, "message": one.message} for one in rendered.advice],
    }
    click.echo(msgspec.json.encode(told))


@voice.command()
@config
@channel
@emotion
@author
@language
@as_json
@file
def lint(  # noqa: PLR0917  (click gives them by name)
    config: Path | None,
    channel: str,
    emotion: MoodLabel,
    author: Literal["bot", "agent"],
    language: str | None,
    json: bool,
    file: TextIO,
) -> None:
    """What the voice would advise on FILE; exit code 1 when one finding is an error."""
    text = file.read()
    findings = _voice(config).lint(
        text, _occasion(channel, emotion, author).replace(language=language)
    )
    if json:
        click.echo(msgspec.json.encode(findings))
    for one in () if json else findings:
        instead = f" Instead: {one.suggestion!r}" if one.suggestion is not None else ""
        click.echo(f"{one.start}-{one.end} {one.severity} {one.rule}: {one.message}{instead}")
    sys.exit(any(one.severity == "error" for one in findings))


@voice.command()
@config
def schema(config: Path | None) -> None:
    """The JSON Schema of the guide, for editors."""
    found = msgspec.json.encode(_voice(config).schema())
    click.echo(msgspec.json.format(found, indent=2))


@voice.command("check-guide")
@config
@click.argument("guide", type=click.Path(path_type=Path, exists=True, dir_okay=False))
def check_guide(config: Path | None, guide: Path) -> None:
    """``OK``, or a line for each problem of GUIDE, with exit code 1."""
    problems = _voice(config).check_guide(guide)
    for problem in problems:
        click.echo(problem)
    if problems:
        sys.exit(1)
    click.echo("OK")


def _voice(file: Path | None) -> Voice:
    plugins = PluginRegistry(installed_plugins())
    return plugins.registrations(settings_of(chosen(file))).voice


def _occasion(channel: str, emotion: MoodLabel, author: Literal["bot", "agent"]) -> RenderContext:
    felt = Emotion(label=emotion, intensity=0.0 if emotion == "calm" else 0.8)
    return RenderContext(channel=channel, emotion=felt, author=author)


def _reply(text: str) -> Reply:
    """A reply's JSON (the fields of `Reply`), or plain text as its body."""
    stripped = text.strip()
    if stripped.startswith("{"):
        try:
            return msgspec.json.decode(stripped, type=Reply)
        except msgspec.ValidationError as error:
            raise click.ClickException(f"the reply's JSON: {error}") from None
        except msgspec.DecodeError:
            pass  # words that happen to begin with a brace
    return Reply(body=(stripped,))
