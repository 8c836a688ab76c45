"""``warmline learn`` and ``warmline proposals``."""

from __future__ import annotations

import asyncio
import getpass
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

import click
import msgspec

from gateway import OpenServices, Services, Settings, WarmlineError, counted
from plugins.insights.settings import InsightsSettings

T = TypeVar("T")

config_option = click.option(
    "--config",
    type=click.Path(path_type=Path, dir_okay=False),
    default=None,
    help="Configuration file. Default: warmline.yaml in this folder, else the demo's.",
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")
why_option = click.option("--why", required=True, help="Why, in a word: colleagues will read it.")


@click.command()
@config_option
@json_option
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    default=None,
    help="Also write all proposals to proposals.json and proposals.md in this folder.",
)
@click.option(
    "--imported",
    is_flag=True,
    help="Also look for questions that come again in imported conversations.",
)
@click.pass_obj
def learn(
    open_services: OpenServices,
    config: Path | None,
    out: Path | None,
    as_json: bool,
    imported: bool,
) -> None:
    """Make proposals of what conversations and reviews show, and evaluate them.

    Nothing changes: people adopt or decline proposals (`warmline proposals`, /desk/proposals).
    Proposals that were decided are not made again. Evaluating examples trains models, in a process
    of its own: half a minute for each.
    """
    from plugins.insights.learning import plugin, printing  # noqa: PLC0415  (slow to import)

    async def run(services: Services, settings: Settings) -> None:
        section = settings.section(InsightsSettings)
        if section is None:
            what = "`plugins.insights` is not in the configuration; add the section"
            raise WarmlineError(what)
        folder = plugin.learning_folder(settings)
        found = await plugin.learn(
            services,
            section,
            folder,
            plugin.discover_with(services, section),
            imported=imported,
        )
        decisions = plugin.decisions_of(services)
        if out is not None:
            await printing.write_all(decisions, out)
        if as_json:
            click.echo(msgspec.json.encode(found))
            return
        click.echo(
            f"{len(found.new)} new, {len(found.updated)} with new evidence, "
            f"{len(found.evaluated)} evaluated, {counted(len(found.effects), 'effect')} told"
        )
        if found.postponed:
            waits = counted(found.postponed, "proposal waits", "proposals wait")
            click.echo(f"{waits} until some of the open ones are decided")
        for proposal in await decisions.store.listed("open"):
            click.echo(printing.line(proposal))

    _run(open_services, config, run)


@click.group()
def proposals() -> None:
    """What was learnt, and waits for a person."""


@proposals.command("list")
@config_option
@json_option
@click.option("--all", "every", is_flag=True, help="Also those that were decided.")
@click.pass_obj
def list_proposals(
    open_services: OpenServices, config: Path | None, every: bool, as_json: bool
) -> None:
    """List the open proposals, newest first."""
    from plugins.insights.learning import plugin, printing  # noqa: PLC0415  (slow to import)

    async def run(services: Services, _: Settings) -> None:
        store = plugin.decisions_of(services).store
        found = await (store.listed() if every else store.listed("open", "adopting"))
        for proposal in found:
            click.echo(printing.as_json(proposal) if as_json else printing.line(proposal))
        if not found and not as_json:
            click.echo("no proposal waits; `warmline learn` looks for new ones")

    _run(open_services, config, run)


@proposals.command()
@config_option
@json_option
@click.argument("id")
@click.pass_obj
def show(open_services: OpenServices, config: Path | None, id: str, as_json: bool) -> None:
    """Show proposal ID: evidence, change, evaluation, decision and effect."""
    from plugins.insights.learning import plugin, printing  # noqa: PLC0415  (slow to import)

    async def run(services: Services, _: Settings) -> None:
        decisions = plugin.decisions_of(services)
        printed = await printing.whole(decisions, id, as_json=as_json)
        click.echo(printed)

    _run(open_services, config, run)


@proposals.command()
@config_option
@why_option
@click.argument("id")
@click.pass_obj
def adopt(open_services: OpenServices, config: Path | None, id: str, why: str) -> None:
    """Adopt proposal ID as a new version. A running server follows within seconds."""
    from plugins.insights.learning import plugin  # noqa: PLC0415  (slow to import)

    async def run(services: Services, _: Settings) -> None:
        decisions = plugin.decisions_of(services)
        proposal = (await decisions.current(id)).proposal
        newest = await services.versions.overlay(proposal.version_kind)
        _adopted, adoption = await decisions.adopt(
            id, row=proposal.row, after=newest.number, author=_operator(), why=why
        )
        version = adoption.version
        click.echo(f"adopted as version {version.number} of {version.kind}")
        for file in adoption.written:
            click.echo(f"wrote {file}")
        for problem in adoption.not_written:
            click.echo(f"not written: {problem}", err=True)

    _run(open_services, config, run)


@proposals.command()
@config_option
@why_option
@click.argument("id")
@click.pass_obj
def decline(open_services: OpenServices, config: Path | None, id: str, why: str) -> None:
    """Decline proposal ID. It is not made again."""
    from plugins.insights.learning import plugin  # noqa: PLC0415  (slow to import)

    async def run(services: Services, _: Settings) -> None:
        decisions = plugin.decisions_of(services)
        row = (await decisions.current(id)).proposal.row
        await decisions.decline(id, row=row, author=_operator(), why=why)
        click.echo("declined")

    _run(open_services, config, run)


def _run(
    open_services: OpenServices,
    config: Path | None,
    command: Callable[[Services, Settings], Awaitable[T]],
) -> T:
    async def run() -> T:
        async with open_services(config) as (services, settings):
            return await command(services, settings)

    return asyncio.run(run())


def _operator() -> str:
    """``cli:`` and the name of the operating system's user."""
    try:
        return f"cli:{getpass.getuser()}"
    except (KeyError, OSError):
        return "cli:unknown"
