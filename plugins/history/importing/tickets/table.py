"""Conversations in a table: a message a row, or a question with its answer."""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import IO, Any, Literal

import msgspec

from gateway import ImportedMessage, Json, WarmlineError
from plugins.history.importing.archives import open_bounded
from plugins.history.importing.tickets.mapping import TableMapping, fold
from plugins.history.importing.tickets.ticket import (
    LeftOut,
    ReadWords,
    Ticket,
    label_keys,
    mail_address,
    read_time,
)
from plugins.history.importing.values import NO_DATE, UNREADABLE

LONGEST_FIELD = 1_000_000
"""Characters of one cell."""
LONGEST_LINE = 10_000_000
SAMPLE = 50
MOST_COLUMNS = 500
GROUP = 200
"""Rows of one conversation that are read together; more follow as another group of it."""
ANSWERED_AFTER = timedelta(seconds=1)
"""An answer without a time of its own stands right behind its question."""


class HistoryTable:
    """A CSV file, or one JSON object a line with a field a column."""

    def __init__(self, path: Path) -> None:
        """Raises WarmlineError for what is no table."""
        self.name = path.name
        self._path = path
        self._file = open_bounded(path)
        self._written = datetime.fromtimestamp(path.stat().st_mtime, UTC)
        self._is_json = path.name.lower().removesuffix(".gz").endswith((".jsonl", ".ndjson"))
        self._delimiter = ""
        self.header: tuple[str, ...] = ()
        self.sample: list[dict[str, str]] = []
        try:
            self.use("")
        except WarmlineError:
            self._file.close()
            raise

    def use(self, delimiter: str) -> None:
        """Read the header again, with this delimiter; empty: guess it."""
        self._delimiter = delimiter or self._guess()
        rows = self.rows()
        self.sample = [row for row, _ in (next(rows, ({}, 0)) for _ in range(SAMPLE)) if row]
        if not self.sample:
            raise WarmlineError(f"{self.name} has no rows below its header")
        self.header = tuple(dict.fromkeys(name for row in self.sample for name in row))

    def close(self) -> None:
        self._file.close()

    def size(self) -> int:
        return self._file.seek(0, 2)

    def rows(self) -> Iterator[tuple[dict[str, str], int]]:
        """Each row by column, and the bytes read so far."""
        self._file.seek(0)
        return self._json_rows(self._file) if self._is_json else self._csv_rows(self._file)

    def groups(self, mapping: TableMapping) -> Iterator[tuple[Json, int]]:
        """The rows that belong together, as `read_row_group` takes them."""
        plain, column = mapping.plain(), mapping.columns.get("conversation")
        anchors: dict[str, str] = {}
        group: list[dict[str, str]] = []
        current: str | None = None
        done = 0
        for number, (row, done) in enumerate(self.rows()):
            name = (row.get(column) or "") if column else f"row {number + 1}"
            name = name or f"row {number + 1}"
            if group and (name != current or len(group) >= GROUP):
                yield self._group(current or "", group, anchors, plain), done
                group = []
            current = name
            group.append({**row, _NUMBER: str(number + 1)})
        if group:
            yield self._group(current or "", group, anchors, plain), done

    def _group(
        self,
        name: str,
        rows: Sequence[dict[str, str]],
        anchors: dict[str, str],
        mapping: dict[str, Any],
    ) -> Json:
        first = row_key(name, rows[0])
        return {
            "id": name,
            "rows": list(rows),
            "anchor": anchors.setdefault(name, first),
            "mapping": mapping,
            "written": self._written.isoformat(),
        }

    def _guess(self) -> str:
        if self._is_json:
            return ""
        self._file.seek(0)
        text = self._file.read(64_000).decode("utf-8-sig", "replace")
        try:
            return csv.Sniffer().sniff(text.partition("\n")[0], delimiters=",;\t|").delimiter
        except csv.Error:
            return ","

    def _encoding(self) -> str:
        """Spreadsheets write UTF-8, or, in Western countries, Windows-1252."""
        self._file.seek(0)
        beginning = self._file.read(64_000)
        self._file.seek(0)
        try:
            beginning[:-4].decode("utf-8-sig")
        except UnicodeDecodeError:
            return "cp1252"
        return "utf-8-sig"

    def _csv_rows(self, file: IO[bytes]) -> Iterator[tuple[dict[str, str], int]]:
        csv.field_size_limit(LONGEST_FIELD)
        text = io.TextIOWrapper(file, self._encoding(), errors="replace", newline="")
        try:
            reader = csv.DictReader(_bounded(text), delimiter=self._delimiter)
            if len(reader.fieldnames or ()) > MOST_COLUMNS:
                raise WarmlineError(f"{self.name} has more than {MOST_COLUMNS} columns")
            for row in reader:
                kept = {k: v for k, v in row.items() if isinstance(k, str) and isinstance(v, str)}
                yield kept, file.tell()
        except csv.Error as error:
            raise WarmlineError(f"{self.name}, line {reader.line_num}: {error}") from None
        finally:
            text.detach()

    def _json_rows(self, file: IO[bytes]) -> Iterator[tuple[dict[str, str], int]]:
        while line := file.readline(LONGEST_LINE + 1):
            try:
                value = msgspec.json.decode(line)
            except (msgspec.DecodeError, RecursionError):
                continue
            if isinstance(value, dict):
                yield {str(k): _shown(v) for k, v in value.items() if v is not None}, file.tell()


_NUMBER = "\x00row"


def read_row_group(record: Json, words: ReadWords) -> Ticket:
    """The conversation, or a part of one, in a group of rows. Raises LeftOut and ValueError."""
    group = record if isinstance(record, dict) else {}
    mapping, rows = group["mapping"], group["rows"]
    columns = mapping["columns"]

    def cell(row: Mapping[str, str], meaning: str) -> str:
        return (row.get(columns.get(meaning, "")) or "").strip()

    messages: list[ImportedMessage] = []
    undated = 0
    for number, row in enumerate(rows):
        at = _time(row, cell(row, "time"), "time" in columns, mapping["time_format"], group)
        if at is None:
            undated += 1
            continue
        messages += _messages(row, at, str(group["id"]), mapping, words, first=number == 0)
    if undated and not messages:
        raise LeftOut(NO_DATE)
    if not messages:
        raise LeftOut(UNREADABLE)
    customer, name = _customer(rows, cell, mapping["channel"])
    first = rows[0]
    score = cell(first, "score")
    return Ticket(
        customer=customer or f"row-{first[_NUMBER]}@unknown.invalid",
        name=name,
        subject=cell(first, "subject"),
        channel=mapping["channel"],
        messages=tuple(messages),
        labels=label_keys(cell(first, "labels").replace(";", ",").split(",")),
        score=int(score) if score in ("1", "2", "3", "4", "5") else None,
        related=(group["anchor"],),
    )


def row_key(conversation: str, row: Mapping[str, str], part: str = "") -> str:
    """The key of what a row says: the same wherever the file lies."""
    cells = "\x1f".join(f"{k}={v}" for k, v in sorted(row.items()) if k != _NUMBER)
    digest = hashlib.sha256(f"{conversation}\x1e{part}\x1e{cells}".encode("utf-8", "replace"))
    return f"table:{digest.hexdigest()[:32]}"


def _messages(
    row: Mapping[str, str],
    at: datetime,
    conversation: str,
    mapping: Mapping[str, Any],
    words: ReadWords,
    *,
    first: bool,
) -> list[ImportedMessage]:
    columns = mapping["columns"]
    text, answer = (row.get(columns.get(m, "")) or "" for m in ("text", "answer"))
    agent = (row.get(columns.get("agent", "")) or "").strip()
    author = _author(row.get(columns.get("author", "")) or "", mapping["authors"])
    found: list[ImportedMessage] = []
    if text.strip():
        found.append(
            ImportedMessage(
                key=row_key(conversation, row),
                author=author,
                text=words(text, html=_is_html(text), answers=not first),
                at=at,
                name=agent or "Agent" if author == "agent" else "",
            )
        )
    if answer.strip():
        later = row.get(columns.get("answer_time", "")) or ""
        found.append(
            ImportedMessage(
                key=row_key(conversation, row, "answer"),
                author="agent",
                text=words(answer, html=_is_html(answer), answers=True),
                at=read_time(later, mapping["time_format"]) if later else at + ANSWERED_AFTER,
                name=agent or "Agent",
            )
        )
    return found


def _author(written: str, authors: Mapping[str, str]) -> Literal["customer", "agent", "bot"]:
    known = authors.get(fold(written), "customer")
    return known if known in ("agent", "bot") else "customer"  # type: ignore[return-value]


def _customer(rows: Sequence[Mapping[str, str]], cell: Any, channel: str) -> tuple[str, str]:
    for row in rows:
        if written := cell(row, "customer"):
            if address := mail_address(written):
                return address, cell(row, "name")
            # Without an address, a customer is known by what the column says.
            unknown = f"{fold(written) or 'nobody'}@unknown.invalid"
            return unknown if channel == "email" else written, cell(row, "name") or written
    return "", cell(rows[0], "name")


def _time(
    row: Mapping[str, str], written: str, has_column: bool, form: str, group: Mapping[str, Any]
) -> datetime | None:
    """The row's time; without such a column, the file's, in the order of the rows."""
    if not has_column:
        return (
            datetime.fromisoformat(group["written"])
            - timedelta(days=1)
            + timedelta(milliseconds=int(row[_NUMBER]))
        )
    try:
        return read_time(written, form)
    except ValueError:
        return None


def _is_html(text: str) -> bool:
    return "</" in text or "<br" in text.lower()


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return ",".join(map(_shown, value))
    return value if isinstance(value, str) else str(value)


def _bounded(text: io.TextIOWrapper) -> Iterator[str]:
    while line := text.readline(LONGEST_LINE):
        yield line
