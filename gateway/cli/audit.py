"""``warmline audit``: who saw and did what."""

from __future__ import annotations

import getpass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import arrow
import click

from gateway.cli.common import config_option, json_option, open_store, print_json, run_async
from gateway.ports import AuditEntry

SECONDS = {"m": 60, "h": 3600, "d": 86_400}
PAGE = 500


@click.group()
def audit() -> None:
    """The audit log.

    It records sign-ins, and what was viewed and changed.
    """


@audit.command("list")
@config_option
@json_option
@click.option("--conversation", type=int, help="Only entries about this conversation.")
@click.option("--agent", help="Only entries of this person, such as desk:ana or slack:U123.")
@click.option(
    "--since", help="Only entries since then: a date or time (ISO 8601), or 30m, 12h, 7d ago."
)
@click.option(
    "--limit", type=click.IntRange(1), default=1000, show_default=True, help="At most this many."
)
@run_async
async def list_audit(  # noqa: PLR0917  (click passes them by name)
    config: Path | None,
    json: bool,
    conversation: int | None,
    agent: str | None,
    since: str | None,
    limit: int,
) -> None:
    """Print entries, newest first."""
    begin = parse_time(since, datetime.now(UTC)) if since else None
    async with open_store(config) as gateway:
        last: int | None = None
        while limit > 0:
            entries = await gateway.audit.lines(
                conversation=conversation,
                who=agent,
                since=begin,
                before=last,
                limit=min(PAGE, limit),
            )
            for entry in entries:
                print_json(entry) if json else click.echo(_as_text(entry))
            if len(entries) < PAGE:
                return
            last, limit = entries[-1].id, limit - len(entries)


def operator() -> str:
    """The person who runs the command, as the audit log names them: the operating-system user."""
    try:
        return f"cli:{getpass.getuser()}"
    except (KeyError, OSError):  # the user of a container may have no name
        return "cli:unknown"


def parse_time(text: str, now: datetime) -> datetime:
    """The time that ``text`` means: ISO 8601, or how long before ``now``. Raises
    click.BadParameter."""
    number, unit = text[:-1], text[-1:]
    if number.isdecimal() and unit in SECONDS and len(number) < 7:
        return now - timedelta(seconds=int(number) * SECONDS[unit])
    try:
        return arrow.get(text).datetime
    except (ValueError, arrow.parser.ParserError):
        message = f"{text!r} is not a time; write 2026-03-01, 2026-03-01T10:00Z, 30m, 12h or 7d"
        raise click.BadParameter(message) from None


def _as_text(entry: AuditEntry) -> str:
    about = "".join(
        f"  {name} {number}"
        for name, number in (("conversation", entry.conversation), ("customer", entry.customer))
        if number is not None
    )
    more = "".join(f"  {part}" for part in (entry.detail, entry.origin and f"from {entry.origin}"))
    line = f"{entry.at:%Y-%m-%d %H:%M:%S}  {entry.who or '-'}  {entry.what}{about}{more}"
    return line.rstrip()
