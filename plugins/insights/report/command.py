"""``warmline report``."""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
from collections.abc import Mapping
from contextlib import redirect_stdout
from datetime import date
from pathlib import Path

import click

from gateway import OpenServices, Services, Settings, WarmlineError
from plugins.insights.measures.values import Filters
from plugins.insights.report.asking import checked, parse_day
from plugins.insights.report.imported import with_imported
from plugins.insights.report.searching import NOTHING_FOUND
from plugins.insights.report.values import Report, ReportQuery
from plugins.insights.settings import InsightsSettings


class _Day(click.ParamType[date]):
    name = "date"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> date:
        if isinstance(value, date):
            return value
        try:
            return parse_day(str(value))
        except WarmlineError as error:
            self.fail(str(error), param, ctx)


@click.command()
@click.option(
    "--config",
    type=click.Path(path_type=Path, dir_okay=False),
    default=None,
    help="Configuration file. Default: warmline.yaml in this folder, else the demo's.",
)
@click.option("--from", "since", type=_Day(), required=True, help="The first day: 2026-11-01.")
@click.option("--to", "until", type=_Day(), required=True, help="The last day; it counts too.")
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    required=True,
    help="Folder for index.html and report.json.",
)
@click.option("--brand", help="Only this brand.")
@click.option("--channel", help="Only this channel.")
@click.option("--language", help="Only this language (ISO 639-1).")
@click.option("--team", help="Only what this tier had.")
@click.option("--imported", is_flag=True, help="On imported conversations, and on these alone.")
@click.option(
    "--findings/--no-findings",
    default=True,
    help="Look for causes: phrases that hurt, unanswered questions and the like.",
    show_default=True,
)
@click.pass_obj
def report(  # noqa: PLR0917  (click passes them by name)
    opening: OpenServices,
    config: Path | None,
    since: date,
    until: date,
    out: Path,
    brand: str | None,
    channel: str | None,
    language: str | None,
    team: str | None,
    imported: bool,
    findings: bool,
) -> None:
    """What happened from one day to another: index.html for people, report.json for programs.

    Both days count, in the time zone of the settings. Every figure has its 95 % interval.
    """
    checked(since, until)
    _check_folder(out)
    chosen = {"brand": brand, "channel": channel, "language": language, "team": team}
    filters = Filters(**{name: (value,) for name, value in chosen.items() if value})
    query = ReportQuery(since=since, until=until, filters=filters)
    with redirect_stdout(sys.stderr):  # stdout has results alone, and no log
        made = asyncio.run(_make(opening, config, query, findings=findings, imported=imported))
    for path in _write(made, out):
        click.echo(path)


async def _make(
    opening: OpenServices,
    config: Path | None,
    query: ReportQuery,
    *,
    findings: bool,
    imported: bool,
) -> Report:
    async with opening(config) as (services, settings):
        section = settings.section(InsightsSettings)
        if section is None:
            raise WarmlineError(
                "the settings have no section `plugins.insights`; add `insights: {}` below "
                "`plugins:`, or name another file with --config"
            )
        _check_brand(query.filters, services.brands)
        from plugins.insights.report.service import report_service  # noqa: PLC0415  (scipy)

        service = report_service(with_imported(services) if imported else services, section)
        await service.measures.refresh()
        measured = await service.measures.between(query.since, query.until, query.filters)
        if not measured.totals.conversations:
            raise WarmlineError(await _nothing(services, settings, query))
        found = NOTHING_FOUND
        if findings:
            found = await service.search.search(query.since, query.until, query.filters)
        return await service.builder.build(query, found)


def _check_brand(filters: Filters, brands: Mapping[str, str]) -> None:
    for brand in filters.brand:
        if brand not in brands:
            known = ", ".join(sorted(brands)) or "none; see docs/brands.md"
            raise WarmlineError(f"--brand {brand}: there is no such brand; the brands are: {known}")


async def _nothing(services: Services, settings: Settings, query: ReportQuery) -> str:
    """Why there is nothing to report on, and what to do."""
    first = await services.records.cases(limit=1)
    if not first:
        return (
            f"there are no conversations yet (data folder: {settings.data_dir}); name another "
            "configuration with --config, or wait until somebody writes"
        )
    began = first[0].conversation.opened_at.date()
    advice = f"the oldest began on {began}: choose other days"
    if query.filters != Filters():
        advice = f"leave out a filter, or choose other days ({advice.partition(':')[0]})"
    return f"no such conversation began from {query.since} to {query.until}; {advice}"


def _check_folder(out: Path) -> None:
    """Make the folder, and find out whether it can be written before the work begins."""
    try:
        out.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=out):
            pass
    except OSError as error:
        raise WarmlineError(
            f"--out {out}: {error.strerror or error}; name a folder that this user may write"
        ) from error


def _write(made: Report, out: Path) -> tuple[Path, Path]:
    """Write both files, each whole or not at all."""
    from plugins.insights.report.data import report_json  # noqa: PLC0415  (loaded with the rest)
    from plugins.insights.report.html import index_page  # noqa: PLC0415

    page, data = out / "index.html", out / "report.json"
    for path, content in ((page, index_page(made).encode()), (data, report_json(made))):
        part = path.with_name(f".{path.name}.part")
        try:
            part.write_bytes(content)
            os.replace(part, path)  # noqa: PTH105  (the same on every system)
        except OSError as error:
            part.unlink(missing_ok=True)
            raise WarmlineError(
                f"{path}: {error.strerror or error}; make room or name another folder with --out"
            ) from error
    return page, data
