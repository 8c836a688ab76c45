"""``warmline voice``: try the brand voice at the command line."""

from __future__ import annotations

import asyncio
import sys
from contextlib import suppress
from pathlib import Path
from typing import Literal, TextIO, get_args

import click
import msgspec

from gateway.cli.common import (
    config_option,
    json_option,
    load_settings,
    print_json,
    print_note,
    read_overlays,
    read_text,
)
from gateway.model import Emotion, Json, MoodLabel, RenderContext, Reply
from gateway.plugins import PluginRegistry, installed_plugins
from gateway.ports import VersionConsumer, Voice
from gateway.settings import Settings

channel_option = click.option(
    "--channel", required=True, help="A channel, such as webchat, email, sms or slack."
)
emotion_option = click.option(
    "--emotion",
    type=click.Choice(get_args(MoodLabel)),
    default="calm",
    show_default=True,
    help="How the customer feels.",
)
author_option = click.option(
    "--author",
    type=click.Choice(["bot", "agent"]),
    default="bot",
    show_default=True,
    help="Who writes the text.",
)
file_argument = click.argument("file", type=click.File("r", encoding="utf-8"))


@click.group()
def voice() -> None:
    """Render and check texts with the brand voice."""


@voice.command()
@config_option
@channel_option
@emotion_option
@author_option
@json_option
@file_argument
def render(  # noqa: PLR0917  (click passes them by name)
    config: Path | None,
    channel: str,
    emotion: MoodLabel,
    author: Literal["bot", "agent"],
    json: bool,
    file: TextIO,
) -> None:
    """Print a reply as it would be sent.

    FILE is plain text or the JSON of a reply. If FILE is -, stdin is read. --json also prints the
    rules that changed the text. A line on stderr names each fact that the customer does not read.
    """
    reply = _parse_reply(read_text(file))
    rendered = _load_voice(config).render(reply, _context(channel, emotion, author))
    read = (*rendered.parts, *(button.title for button in reply.buttons))
    for fact in reply.facts:
        if not any(fact.value in text for text in read):
            print_note(f"the customer does not read the fact `{fact.name}`: no text says it")
    if not json:
        click.echo("\n---\n".join(rendered.parts))
        return
    print_json({
        "parts": rendered.parts,
        "encoding": rendered.encoding,
        "segments": rendered.segments,
        "applied": rendered.applied,
        "advice": [{"rule": each.rule, "message": each.message} for each in rendered.advice],
    })  # fmt: skip


@voice.command()
@config_option
@channel_option
@emotion_option
@author_option
@click.option("--language", default=None, help="Of the text (ISO 639-1). Default: detected.")
@json_option
@file_argument
def lint(  # noqa: PLR0917  (click passes them by name)
    config: Path | None,
    channel: str,
    emotion: MoodLabel,
    author: Literal["bot", "agent"],
    language: str | None,
    json: bool,
    file: TextIO,
) -> None:
    """Print the brand voice's advice on a text.

    FILE is the text of one message. If it is -, stdin is read. The exit code is 1 if a finding is
    an error.
    """
    context = _context(channel, emotion, author).replace(language=language)
    text = read_text(file)
    if _json_in(text) is not None:
        raise click.ClickException(
            "this is JSON, and `voice lint` reads the text of a message: give it the text alone; "
            "`voice render --author agent --json` prints the `advice` on the JSON of a reply"
        )
    findings = _load_voice(config).lint(text, context)
    if json:
        print_json(findings)
    for finding in () if json else findings:
        instead = f" Instead: {finding.suggestion!r}" if finding.suggestion is not None else ""
        click.echo(
            f"{finding.start}-{finding.end} {finding.severity} {finding.rule}: "
            f"{finding.message}{instead}"
        )
    sys.exit(any(finding.severity == "error" for finding in findings))


@voice.command()
@config_option
def schema(config: Path | None) -> None:
    """Print the JSON Schema of the guide, for editors."""
    click.echo(msgspec.json.format(msgspec.json.encode(_load_voice(config).schema()), indent=2))


@voice.command("check-guide")
@config_option
@click.argument("guide", type=click.Path(path_type=Path, exists=True, dir_okay=False))
def check_guide(config: Path | None, guide: Path) -> None:
    """Check a guide.

    Prints OK, or a line for each problem, with exit code 1.
    """
    problems = _load_voice(config).check_guide(guide)
    click.echo("\n".join(problems) or "OK")
    sys.exit(bool(problems))


def _load_voice(file: Path | None) -> Voice:
    """The voice with what people adopted."""
    settings = load_settings(file)
    voice = PluginRegistry(installed_plugins()).registrations(settings).voice
    asyncio.run(_follow_guide(voice, settings))
    return voice


async def _follow_guide(voice: Voice, settings: Settings) -> None:
    if isinstance(voice, VersionConsumer):
        for overlay in await read_overlays(settings):
            if overlay.kind in voice.version_kinds:
                await voice.use_overlay(overlay)


def _context(channel: str, emotion: MoodLabel, author: Literal["bot", "agent"]) -> RenderContext:
    felt = Emotion(label=emotion, intensity=0.0 if emotion == "calm" else 0.8)
    return RenderContext(channel=channel, emotion=felt, author=author)


def _parse_reply(text: str) -> Reply:
    """A reply from its JSON (the fields of `Reply`), or from plain text as its body."""
    fields = _json_in(text)
    if fields is None:
        return Reply(body=(text.strip(),))
    try:
        reply = msgspec.convert(fields, Reply)
    except msgspec.ValidationError as error:
        message = f"the JSON is not a reply: {error}; see the fields of `gateway.Reply`"
        raise click.ClickException(message) from None
    if unknown := _unknown_field(fields, reply):
        raise click.ClickException(f"the JSON is not a reply: {unknown}")
    return reply


def _unknown_field(given: object, read: object) -> str:
    """What ``given`` has and ``read``, which was made of it, cannot have; empty if there is
    nothing."""
    if isinstance(given, list) and isinstance(read, tuple):
        return next(filter(None, map(_unknown_field, given, read)), "")
    if not isinstance(given, dict) or not isinstance(read, msgspec.Struct):
        return ""
    fields = {each.encode_name: each.name for each in msgspec.structs.fields(read)}
    tag = read.__struct_config__.tag_field
    for name, value in given.items():
        if name != tag and name not in fields:
            what = "it" if isinstance(read, Reply) else f"a {type(read).__name__}"
            return f"{what} has no field `{name}`; its fields are {', '.join(fields)}"
        if name != tag and (found := _unknown_field(value, getattr(read, fields[name]))):
            return found
    return ""


def _json_in(text: str) -> Json:
    """The object or list in ``text``, or the list of those in its lines (JSON Lines); None if it is
    plain text, also one that begins with a brace."""
    lines = [line for line in text.splitlines() if line.strip()]
    if not lines or not lines[0].lstrip().startswith(("{", "[")):
        return None
    found: Json
    with suppress(msgspec.DecodeError):
        found = msgspec.json.decode(text.strip())
        return found
    with suppress(msgspec.DecodeError):
        found = [msgspec.json.decode(line) for line in lines]
        return found
    return None
