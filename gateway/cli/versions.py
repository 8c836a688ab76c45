"""``warmline versions``: what people adopted, and the way back."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import msgspec

from gateway.app import Gateway
from gateway.cli.audit import operator
from gateway.cli.common import (
    config_option,
    json_option,
    make_table,
    open_store,
    print_json,
    print_note,
    print_table,
    run_async,
)
from gateway.model import VERSION_KINDS, OverlayDifference, Version, VersionKind
from gateway.ports import Versions
from gateway.support.labels import counted

PAGE = 500
NOTHING = "nothing is adopted: your files alone are in force"
kind_option = click.option(
    "--kind", type=click.Choice(VERSION_KINDS), default=None, help="Only versions of this kind."
)


@click.group()
def versions() -> None:
    """What people adopted, laid over your files.

    Every change is a version of the answers, the guide, the policy or the hours. Version 0 is
    your files alone.
    """


@versions.command("list")
@config_option
@kind_option
@json_option
@run_async
async def list_versions(config: Path | None, kind: VersionKind | None, json: bool) -> None:
    """List the versions, newest first."""
    async with open_store(config) as gateway:
        found = await _all(gateway.services.versions, kind)
        await gateway.infrastructure.follower.refresh()
        newest = {overlay.number for overlay in gateway.infrastructure.follower.overlays.values()}
        left_out = _left_out(gateway, kind)
    if json:
        for version in found:
            print_json(_as_json(version) | {"in_force": version.number in newest})
        return
    table = make_table("version", "kind", "adopted", "by", "proposal", "in force", "back", "why")
    for version in found:
        adopted = f"{version.at:%Y-%m-%d %H:%M}"
        in_force = "yes" if version.number in newest else ""
        back = f"rollback {version.before}" + (
            f" --kind {version.kind}" if version.before == 0 else ""
        )
        why = version.why if version.restores is None else f"[as {version.restores}] {version.why}"
        table.add_row(
            *(str(version.number), version.kind, adopted, version.author, version.proposal),
            *(in_force, back if in_force else "", why.replace("[", r"\[")),
        )
    print_table(table) if found else click.echo(NOTHING)
    for problem in left_out:
        print_note(problem)


@versions.command()
@config_option
@kind_option
@json_option
@click.argument("number", type=click.IntRange(1))
@run_async
async def show(config: Path | None, kind: VersionKind | None, json: bool, number: int) -> None:
    """Show what version NUMBER changed, and the whole of what it lays over your files."""
    async with open_store(config) as gateway:
        service = gateway.services.versions
        version = await service.version(number)
        overlay = await service.overlay(kind or version.kind, number)
        differences = await service.differences(number)
    if json:
        shown = _as_json(version) | {
            "differences": differences,
            "overlay": overlay.tree,
            "examples": overlay.examples,
            "lost": overlay.lost,
        }
        print_json(shown)
        return
    proposal = f", proposal {version.proposal}" if version.proposal else ""
    restored = "" if version.restores is None else f", as version {version.restores}"
    click.echo(f"version {version.number} of {version.kind}, after {version.before}{restored}")
    click.echo(f"{version.at:%Y-%m-%d %H:%M} by {version.author}{proposal}: {version.why}")
    for difference in differences:
        click.echo("\n".join(_lines(difference)))
    if overlay.lost:
        were = counted(overlay.lost, "of its examples was", "of its examples were")
        click.echo(f"{were} erased with the conversations that they came from")


@versions.command()
@config_option
@kind_option
@click.option("--why", default="by command", show_default=True, help="Why, in a few words.")
@click.argument("number", type=click.IntRange(0))
@run_async
async def rollback(config: Path | None, kind: VersionKind | None, why: str, number: int) -> None:
    """Return to version NUMBER.

    This adds a version with the same content. NUMBER 0 is your files alone: of all kinds, or of
    --kind. A running server follows within seconds.
    """
    async with open_store(config) as gateway:
        service = gateway.services.versions
        kinds: list[VersionKind | None] = [kind]
        if number == 0 and kind is None:
            kinds = [each for each in VERSION_KINDS if await service.overlay(each)]
        if not kinds:
            click.echo(NOTHING)
        for each in kinds:
            adoption = await service.roll_back(number, author=operator(), why=why, kind=each)
            version = adoption.version
            click.echo(
                f"version {version.number} of {version.kind} is in force: as version {number}"
            )
            for file in adoption.written:
                click.echo(f"written: {file}")
            for line in (*adoption.not_written, *_left_out(gateway, version.kind)):
                print_note(line)


async def _all(service: Versions, kind: VersionKind | None) -> list[Version]:
    found: list[Version] = []
    while page := await service.history(
        kind=kind, before=found[-1].number if found else None, limit=PAGE
    ):
        found += page
    return found


def _left_out(gateway: Gateway, kind: VersionKind | None) -> list[str]:
    """What does not fit the files, a line each."""
    follower = gateway.infrastructure.follower
    return [
        f"left out of version {follower.overlays[each].number} of {each}: {problem}"
        for each, problems in follower.left_out.items()
        if kind in (None, each) and each in follower.overlays
        for problem in problems
    ]


def _as_json(version: Version) -> dict[str, Any]:
    return dict(msgspec.to_builtins(version))


def _lines(difference: OverlayDifference) -> Iterator[str]:
    """A difference as people read it."""
    yield f"  {difference.key}"
    if difference.change != "added":
        yield f"  - {_text(difference.before)}"
    if difference.change != "removed":
        yield f"  + {_text(difference.after)}"


def _text(value: object) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()
