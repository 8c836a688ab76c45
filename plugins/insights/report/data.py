"""A report as data: report.json, and its tables as CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from gateway import Json
from plugins.insights.model import Figure
from plugins.insights.report.values import CellValue, Column, Report, Table

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")
"""What a spreadsheet takes for a formula (OWASP, "CSV Injection")."""


def report_data(report: Report) -> Mapping[str, Json]:
    """The report as ``report.json`` has it: the contract's keys, and all that the page shows."""
    measured = report.measured
    content: dict[str, Any] = {
        "from": report.query.since,
        "to": report.query.until,
        "filters": report.query.filters,
        "made_at": report.made_at,
        "timezone": report.timezone,
        "least": report.least,
        "totals": measured.totals,
        "measures": measured.figures,
        "by": {
            dimension: {
                value: {
                    "conversations": group.totals.conversations,
                    "messages": group.totals.messages,
                    "share": group.share,
                    **group.figures,
                }
                for value, group in groups.items()
            }
            for dimension, groups in measured.by.items()
        },
        "shares": measured.shares,
        "scores": measured.scores,
        "voice_rules": measured.voice_rules,
        "pending": measured.pending,
        "changes": measured.changes,
        "trend": report.trend,
        "pilots": report.pilots,
        "findings": report.findings,
        "sections": report.sections,
    }
    built: Mapping[str, Json] = msgspec.to_builtins(content)
    return built


def report_json(report: Report) -> bytes:
    """``report.json``."""
    return msgspec.json.format(msgspec.json.encode(report_data(report)), indent=1)


def table_csv(table: Table) -> bytes:
    """A table as CSV (RFC 4180): UTF-8, one line of names, lines that end in CR and LF.

    A text that a spreadsheet would take for a formula begins with an apostrophe. Numbers are
    written in full, with a point.
    """
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow([name for column in table.columns for name in _names(column)])
    for row in table.rows:
        cells = zip(table.columns, row, strict=True)
        writer.writerow([cell for column, value in cells for cell in _cells(column, value)])
    return text.getvalue().encode()


def _names(column: Column) -> Iterator[str]:
    yield column.key
    if column.figures:
        yield from (f"{column.key}_{part}" for part in ("low", "high", "n", "enough"))


def _cells(column: Column, value: CellValue) -> Iterator[str | int | float]:
    if column.figures:
        figure = value if isinstance(value, Figure) else None
        for number in (figure.value, figure.low, figure.high) if figure else (None,) * 3:
            yield "" if number is None else number
        yield figure.n if figure else 0
        yield "yes" if figure and figure.enough else "no"
    elif value is None:
        yield ""
    elif isinstance(value, str):
        yield f"'{value}" if value.startswith(FORMULA_STARTS) else value
    elif isinstance(value, Figure):
        yield "" if value.value is None else value.value
    else:
        yield value
