"""``warmline history import``, ``list`` and ``remove``."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Mapping
from contextlib import redirect_stdout
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import click
import msgspec

from gateway import (
    Address,
    MailReader,
    OpenServices,
    PastConversations,
    Services,
    Settings,
    WarmlineError,
    ask_before,
    channel_key,
    counted,
    may_ask,
)
from plugins.history.importing.formats import FORMATS, Format, find_format
from plugins.history.importing.importer import Batches, ImportResult, new_import, run_import
from plugins.history.importing.mailboxes.disk import disk_boxes
from plugins.history.importing.mailboxes.imap import ImapMails, imap_place
from plugins.history.importing.mailboxes.origin import MailOrigin
from plugins.history.importing.showing import shown_progress, summary
from plugins.history.importing.tickets.mapping import (
    TableMapping,
    check_columns,
    guess_mapping,
    read_mapping,
)
from plugins.history.importing.tickets.origin import TicketOrigin
from plugins.history.importing.tickets.records import ExportFiles
from plugins.history.importing.tickets.table import HistoryTable
from plugins.history.importing.tickets.ticket import label_key
from plugins.history.importing.values import OLDEST, Progress, Scope
from plugins.history.importing.workers import Workers

LABEL = "imported"
SAMPLE_ROWS = 3
SAMPLE_WIDTH = 60
_DAY = timedelta(days=1)
_config = click.option(
    "--config", type=click.Path(path_type=Path, dir_okay=False), default=None,
    help="The configuration. Default: warmline.yaml.",
)  # fmt: skip


class ImportRequest(msgspec.Struct, frozen=True, kw_only=True):
    """What the command line asks for."""

    path: Path | None = None
    imap: str | None = None
    format: Format | None = None
    mapping: Path | None = None
    mask: bool = False
    brand: str = ""
    our_addresses: tuple[str, ...] = ()
    label: str = LABEL
    dry: bool = False
    yes: bool = False


@click.command(name="import")
@_config
@click.argument("path", type=click.Path(path_type=Path), required=False)
@click.option("--format", "form", type=click.Choice(FORMATS), help="Default: found out.")
@click.option("--imap", metavar="URL", help="imaps://USER@HOST/FOLDER instead of a file. Without a "
              "folder: all but spam, drafts and deleted mail. The password comes from "
              "WARMLINE_IMAP_PASSWORD, or is asked for.")  # fmt: skip
@click.option("--mapping", type=click.Path(path_type=Path, dir_okay=False, exists=True),
              help="YAML file that says which column of a table means what.")  # fmt: skip
@click.option("--mask", is_flag=True, help="Replace people's names and addresses by placeholders.")
@click.option("--brand", default="", help="The brand whose conversations they are.")
@click.option("--our-addresses", default="", metavar="A@X,@Y",
              help="Addresses and domains that you answered from.")  # fmt: skip
@click.option("--label", default=LABEL, show_default=True, help="Label of each conversation.")
@click.option("--dry", is_flag=True, help="Read and count only; store nothing.")
@click.option("--yes", is_flag=True, help="Take a guessed mapping without asking.")
@click.pass_obj
def import_history(  # noqa: PLR0917  (click passes them by name)
    opening: OpenServices,
    config: Path | None,
    path: Path | None,
    form: Format | None,
    imap: str | None,
    mapping: Path | None,
    mask: bool,
    brand: str,
    our_addresses: str,
    label: str,
    dry: bool,
    yes: bool,
) -> None:
    """Import past conversations from a mailbox or the export of a ticket system.

    PATH is an mbox file, a Maildir, a folder of these or of .eml files, an export of Zendesk,
    Freshdesk or Intercom (JSON, JSON lines, XML, or a zip of them), a CSV file, or JSON lines.
    Nothing is sent. Run it again after an interruption: what is stored is left out.
    """
    if (path is None) == (imap is None):
        raise WarmlineError("name a file or folder, or a mailbox with --imap; one of the two")
    request = ImportRequest(
        path=path,
        imap=imap,
        format="imap" if imap else form,
        mapping=mapping,
        mask=mask,
        brand=brand,
        our_addresses=tuple(a.strip().lower() for a in our_addresses.split(",") if a.strip()),
        label=_label(label),
        dry=dry,
        yes=yes,
    )
    with redirect_stdout(sys.stderr):  # stdout has results alone
        result = asyncio.run(_import(opening, config, request))
    for line in summary(result):
        click.echo(line)


@click.command(name="list")
@_config
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def list_imports(opening: OpenServices, config: Path | None, as_json: bool) -> None:
    """List the imports."""

    async def read() -> list[dict[str, Any]]:
        async with opening(config) as (services, _):
            return [
                {
                    name: value
                    for name, value in msgspec.to_builtins(record).items()
                    if name != "secret"
                }
                for record in await _past(services).imports()
            ]

    found = asyncio.run(read())
    if as_json:
        click.echo(msgspec.json.encode(found).decode())
        return
    for one in found:
        state = (
            f"finished {str(one['finished_at'])[:16]}" if one.get("finished_at") else "unfinished"
        )
        masked = ", masked" if one["masked"] else ""
        click.echo(
            f"{one['id']}  {one['source']} ({one['format']}{masked}): "
            f"{counted(one['messages'], 'message')} in "
            f"{counted(one['conversations'], 'conversation')}, {state}"
        )
    if not found:
        click.echo("nothing was imported yet; `warmline history import FILE` does")


@click.command(name="remove")
@_config
@click.argument("number", metavar="IMPORT", type=int)
@click.option("--yes", is_flag=True, help="Delete without asking.")
@click.pass_obj
def remove_import(opening: OpenServices, config: Path | None, number: int, yes: bool) -> None:
    """Remove an import with all its conversations. On a terminal it asks first."""

    async def remove() -> int:
        async with opening(config) as (services, _):
            removed = 0
            ask_before(f"Delete all conversations of import {number} for good?", yes=yes)
            while count := await _past(services).remove_import(number):
                removed += count
            return removed

    click.echo(f"removed {counted(asyncio.run(remove()), 'conversation')}")


async def _import(
    opening: OpenServices, config: Path | None, request: ImportRequest
) -> ImportResult:
    async with opening(config) as (services, settings):
        past, reader = _past(services), services.mail_reader
        if reader is None:
            raise WarmlineError("the e-mail channel is not installed, which reads the mails")
        place = imap_place(request.imap) if request.imap else None
        kind: Format = request.format or find_format(
            _path(request), mapped=request.mapping is not None
        )
        table = mapping = None
        if kind in ("csv", "jsonl"):
            table, mapping = _mapped(request)
        source = place.shown if place else str(_path(request).resolve())
        wanted = new_import(source, kind, label=request.label, brand=request.brand,
                            masked=request.mask)  # fmt: skip
        scope = _scope(request, reader, services, settings)
        record = None if request.dry else await past.begin_import(wanted)
        secret = record.secret if record else "trial"
        scope = scope.replace(secret=secret if request.mask else "")
        workers = Workers(scope, reader)
        progress = Progress()
        try:
            origin: Batches
            if place is not None:
                origin = MailOrigin(ImapMails(place), workers, scope)
            elif table is not None and mapping is not None:
                records = partial(table.groups, mapping)
                origin = TicketOrigin("table", records, table.size(), workers, table.close)
            else:
                origin = _origin(kind, _path(request), workers, scope)
            with shown_progress(progress) as told:
                return await run_import(origin, past, record, progress, told)
        finally:
            await workers.stop()


def _origin(kind: Format, path: Path, workers: Workers, scope: Scope) -> Batches:
    if kind in ("mbox", "maildir", "mail"):
        return MailOrigin(disk_boxes(path), workers, scope)
    files = ExportFiles(path)
    records, size, close = files.records, files.size(), files.close
    return TicketOrigin(kind, records, size, workers, close)  # type: ignore[arg-type]


def _mapped(request: ImportRequest) -> tuple[HistoryTable, TableMapping]:
    """The table with its mapping: the one that was given, or a guess that somebody confirmed."""
    table = HistoryTable(_path(request))
    try:
        return table, _mapping(table, request)
    except WarmlineError:
        table.close()
        raise


def _mapping(table: HistoryTable, request: ImportRequest) -> TableMapping:
    if request.mapping is not None:
        mapping = read_mapping(request.mapping)
        if mapping.delimiter:
            table.use(mapping.delimiter)
        check_columns(mapping, table.header, table.name)
        return mapping
    mapping = guess_mapping(table.header, table.sample)
    click.echo(_shown(table, mapping), err=True)
    if request.yes or request.dry:
        return mapping
    if may_ask() and click.confirm("Import it like this?", err=True):
        return mapping
    raise WarmlineError(
        "nothing was imported: write the columns above to a file, correct them, and name it with "
        "--mapping; or take them as they are with --yes"
    )


def _shown(table: HistoryTable, mapping: TableMapping) -> str:
    lines = ["columns:"]
    lines += [f"  {meaning}: {column}" for meaning, column in mapping.columns.items()]
    for number, row in enumerate(table.sample[:SAMPLE_ROWS], start=1):
        lines.append(f"# row {number}:")
        lines += [
            f"#   {meaning}: {' '.join((row.get(column) or '').split())[:SAMPLE_WIDTH]}"
            for meaning, column in mapping.columns.items()
        ]
    return "\n".join(lines)


def _scope(
    request: ImportRequest, reader: MailReader, services: Services, settings: Settings
) -> Scope:
    known: Mapping[str, str] = reader.own_addresses
    for address in request.our_addresses:
        if "@" not in address:
            raise WarmlineError(
                f"--our-addresses: {address!r} is no address; write help@shop.example, or "
                "@shop.example for all of that domain"
            )
    place = ""
    if request.brand:
        if request.brand not in services.brands:
            titles = ", ".join(sorted(services.brands)) or "none; see docs/brands.md"
            raise WarmlineError(f"--brand {request.brand}: the brands are: {titles}")
        found = settings.brands.address_in(
            request.brand, Address(channel="email", value="anybody@customer.invalid")
        )
        if found is None:
            raise WarmlineError(
                f"--brand {request.brand} has no mailbox of its own, so nobody could tell its "
                "customers from those of other brands; add one to the brand's addresses"
            )
        place = found.support_address
    places = {a: name for a, name in known.items() if not request.brand or name == place}
    days = settings.core.retention.conversations_days
    now = services.clock.now()
    return Scope(
        own=frozenset((*known, *request.our_addresses)),
        places=places,
        support_address=place,
        brand=request.brand,
        brands={
            name: settings.brands.by_key(channel_key("email", name))
            for name in {"", *known.values()}
        },
        oldest=OLDEST if days is None else now - timedelta(days=days),
        newest=now + _DAY,
    )


def _label(label: str) -> str:
    key = label_key(label)
    if not key:
        raise WarmlineError("--label: write letters and digits, such as old-mailbox")
    return key


def _path(request: ImportRequest) -> Path:
    if request.path is None:
        raise WarmlineError("name a file or a folder")
    return request.path


def _past(services: Services) -> PastConversations:
    if services.past_conversations is None:
        raise WarmlineError("these services have no place for past conversations")
    return services.past_conversations
