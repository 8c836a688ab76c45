"""``warmline audit``: who saw and did what."""

from __future__ import annotations

import getpass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import arrow
import click
import msgspec

from gateway.cli.common import as_json, config, open_store, runs
from gateway.ports import AuditEntry

UNITS = {"m": 60, "h": 3600, "d": 86_400}
PAGE = 500


@click.group()
def audit() -> None:
    """The audit log: sign-ins, what was looked at, what was done."""


@audit.command("list")
@config
@as_json
@click.option("--conversation", type=int, help="only what concerns this conversation")
@click.option("--agent", help="only this person, as `desk:ana` or `slack:U123`")
@click.option("--since", help="a date or time (ISO 8601), or how long ago: 30m, 12h, 7d")
@click.option("--limit", type=click.IntRange(1), default=1000, show_default=True)
@runs
async def list_audit(  # noqa: PLR0917  (click gives them by name)
    config: Path | None,
    json: bool,
    conversation: int | None,
    agent: str | None,
    since: str | None,
    limit: int,
) -> None:
    """The newest lines first; with --json one object a line."""
    begin = moment(since, datetime.now(UTC)) if since else None
    async with open_store(config) as gateway:
        last: int | None = None
        while limit > 0:
            lines = await gateway.audit.lines(
                conversation=conversation,
                who=agent,
                since=begin,
                before=last,
                limit=min(PAGE, limit),
            )
            for line in lines:
                click.echo(msgspec.json.encode(line).decode() if json else _in_words(line))
            if len(lines) < PAGE:
                return
            last, limit = lines[-1].id, limit - len(lines)


def operator() -> str:
    """Who gives commands, as the audit log names them: the operating system's user."""
    try:
        return f"cli:{getpass.getuser()}"
    except (KeyError, OSError):  # a container's user may have no name
        return "cli:unknown"


def moment(told: str, now: datetime) -> datetime:
    """``told`` as a moment. Raises click.BadParameter."""
    number, unit = told[:-1], told[-1:]
    if number.isdecimal() and unit in UNITS and len(number) < 7:
        return now - timedelta(seconds=int(number) * UNITS[unit])
    try:
        return arrow.get(told).datetime
    except (ValueError, arrow.parser.ParserError):
        what = f"{told!r} is no time; write 2026-03-01, 2026-03-01T10:00Z, 30m, 12h or 7d"
        raise click.BadParameter(what) from None


def _in_words(line: AuditEntry) -> str:
    about = "".join(
        f"  {name} {number}"
        for name, number in (("conversation", line.conversation), ("customer", line.customer))
        if number is not None
    )
    more = "".join(f"  {part}" for part in (line.detail, line.origin and f"from {line.origin}"))
    return f"{line.at:%Y-%m-%d %H:%M:%S}  {line.who or '-'}  {line.what}{about}{more}".rstrip()
