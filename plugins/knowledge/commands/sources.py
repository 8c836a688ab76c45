"""``warmline knowledge add``, ``list``, ``refresh`` and ``remove``."""

from __future__ import annotations

import asyncio
import getpass
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

import click
import msgspec

from gateway import (
    KnowledgeSource,
    NewSource,
    OpenServices,
    Services,
    Settings,
    WarmlineError,
    ask_before,
    counted,
)
from plugins.knowledge.settings import KnowledgeSettings

T = TypeVar("T")
INTERRUPTED = 130
"""The exit code of a command that was stopped with ctrl+c, as shells give it."""

config_option = click.option(
    "--config",
    type=click.Path(path_type=Path, dir_okay=False),
    default=None,
    help="Configuration file. Default: warmline.yaml in this folder, else the demo's.",
)


@click.command()
@config_option
@click.argument("location")
@click.option("--private", is_flag=True, help="It may be in a network that is not public.")
@click.option("--brand", default="", help="The brand that it is for. Default: all.")
@click.option("--owner", default="", help="Who answers for what it says: a name or an address.")
@click.option("--title", default="", help="Its name in lists.")
@click.option("--language", default="", help="Of texts that do not tell: en, de, ...")
@click.pass_obj
def add(  # noqa: PLR0917  (click passes them by name)
    open_services: OpenServices,
    config: Path | None,
    location: str,
    private: bool,
    brand: str,
    owner: str,
    title: str,
    language: str,
) -> None:
    """Add the source LOCATION and read it: a URL with the linked pages below it, a sitemap, a
    folder or a file (HTML, Markdown, PDF, DOCX, CSV or XLSX of questions and answers, an export of
    Zendesk, Freshdesk or Intercom).

    Interrupted, it goes on when it is run again.
    """
    from plugins.knowledge.sources.registry import (  # noqa: PLC0415  (a web client)
        add_or_find,
        location_of,
        remove,
    )

    if language and not (len(language) == 2 and language.isascii() and language.isalpha()):
        raise click.BadParameter("write two letters, such as en or de", param_hint="--language")

    async def run(services: Services, settings: Settings) -> None:
        new = NewSource(
            location=location_of(location),
            title=title,
            brand=brand,
            owner=owner,
            private=private,
            language=language.lower(),
        )
        source, is_new = await add_or_find(services, new)
        if is_new:
            await services.audit.record(
                _operator(), "knowledge_added", detail=f"source {source.id}"
            )
        else:
            click.echo(f"{source.location} is source {source.id} already; reading it again")
        if settings.section(KnowledgeSettings) is None:
            click.echo(
                "`plugins.knowledge` is not in the configuration: add `knowledge: {}` below "
                "`plugins:`, or the server neither answers from sources nor reads them again",
                err=True,
            )
        try:
            documents = await _read(services, settings, [source], whole=not is_new)
        except WarmlineError:
            if is_new:
                await remove(services, source, _operator())
            raise
        if not documents and is_new:
            await remove(services, source, _operator())
            raise WarmlineError(
                f"{source.location}: nothing could be read, so it was not added; see above why"
            )

    _run(open_services, config, run)


@click.command("list")
@config_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON, one source a line.")
@click.pass_obj
def list_sources(open_services: OpenServices, config: Path | None, as_json: bool) -> None:
    """List the sources: number, documents, passages, when each was read, and its place."""
    from plugins.knowledge.answering.calibrator import promise  # noqa: PLC0415  (slow)
    from plugins.knowledge.sources.overview import source_overviews  # noqa: PLC0415

    async def run(services: Services, settings: Settings) -> None:
        found = await source_overviews(services)
        for each in found:
            if as_json:
                click.echo(msgspec.json.encode(each))
                continue
            source = each.source
            read = f"{source.checked_at:%Y-%m-%d %H:%M}" if source.checked_at else "not to the end"
            about = ", ".join(filter(None, (source.title, source.brand, source.owner)))
            click.echo(
                f"{source.id:>4}  {counted(each.documents, 'document'):>15}  "
                f"{counted(each.passages, 'passage'):>15}  "
                f"{read:<16}  {source.location}" + (f"  ({about})" if about else "")
            )
            if each.problem:
                click.echo(f"      {each.problem}")
        if not found and not as_json:
            click.echo("there are no sources; add one with `warmline knowledge add URL`")
        section = settings.section(KnowledgeSettings) or KnowledgeSettings()
        promised = await promise(services, wrong_at_most=section.wrong_at_most)
        if found and promised and not as_json:
            click.echo(f"answers: {promised}")

    _run(open_services, config, run)


@click.command()
@config_option
@click.argument("source", required=False)
@click.option("--whole", is_flag=True, help="Also what the server says has not changed.")
@click.pass_obj
def refresh(
    open_services: OpenServices, config: Path | None, source: str | None, whole: bool
) -> None:
    """Read SOURCE (its number or location) again; all sources when it is left out."""
    from plugins.knowledge.sources.refresh import knowledge_of  # noqa: PLC0415
    from plugins.knowledge.sources.registry import find_source  # noqa: PLC0415

    async def run(services: Services, settings: Settings) -> None:
        store = knowledge_of(services)
        found = [await find_source(store, source)] if source else list(await store.sources())
        if not found:
            click.echo("there are no sources; add one with `warmline knowledge add URL`")
            return
        await _read(services, settings, found, whole=whole)

    _run(open_services, config, run)


@click.command("remove")
@config_option
@click.argument("source")
@click.option("--yes", is_flag=True, help="Delete without asking.")
@click.pass_obj
def remove_source(open_services: OpenServices, config: Path | None, source: str, yes: bool) -> None:
    """Remove SOURCE (its number or location) with all that was read of it. On a terminal it asks
    first."""
    from plugins.knowledge.sources.refresh import knowledge_of  # noqa: PLC0415
    from plugins.knowledge.sources.registry import find_source, remove  # noqa: PLC0415

    async def run(services: Services, _: Settings) -> None:
        found = await find_source(knowledge_of(services), source)
        documents = await knowledge_of(services).documents(found.id)
        what = f"{found.location} with {counted(len(documents), 'document')}"
        ask_before(f"Remove {what}?", yes=yes)
        await remove(services, found, _operator())
        click.echo(f"removed {what}")

    _run(open_services, config, run)


async def _read(
    services: Services, settings: Settings, sources: list[KnowledgeSource], *, whole: bool
) -> int:
    """Read ``sources``, one after the other, and return how many documents there are then. The
    others are read also when one fails; then raises WarmlineError."""
    from plugins.knowledge.commands.progress import ReadingDisplay  # noqa: PLC0415
    from plugins.knowledge.readers.process import ReadingProcess  # noqa: PLC0415
    from plugins.knowledge.sources.refresh import SourceRefresh, knowledge_of  # noqa: PLC0415

    section = settings.section(KnowledgeSettings) or KnowledgeSettings()
    failed: list[str] = []
    documents = 0
    async with ReadingProcess(timeout=section.limits.read_seconds) as reader:
        reading = SourceRefresh(services=services, limits=section.limits, reader=reader)
        for source in sources:
            try:
                with ReadingDisplay(source.location) as display:
                    check = await reading.refresh(source, on_progress=display.show, whole=whole)
                display.summarise(check)
            except WarmlineError as error:
                failed.append(str(error))
            found = await knowledge_of(services).documents(source.id)
            documents += sum(document.state == "current" for document in found)
    if failed:
        raise WarmlineError("\n".join(failed))
    return documents


def _run(
    open_services: OpenServices,
    config: Path | None,
    command: Callable[[Services, Settings], Awaitable[T]],
) -> T:
    async def run() -> T:
        async with open_services(config) as (services, settings):
            return await command(services, settings)

    try:
        return asyncio.run(run())
    except KeyboardInterrupt:
        click.echo("interrupted; run the same command again to go on", err=True)
        raise SystemExit(INTERRUPTED) from None


def _operator() -> str:
    """``cli:`` and the name of the operating system's user."""
    try:
        return f"cli:{getpass.getuser()}"
    except (KeyError, OSError):
        return "cli:unknown"
