"""Reads the rows that people labelled, from CSV files."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TypeAlias, TypeVar, get_args

import msgspec

from gateway.model import MoodLabel
from gateway.settings import BadConfig, Problem

Row: TypeAlias = tuple[str, str]
T = TypeVar("T")


class EmotionRow(msgspec.Struct, frozen=True, kw_only=True):
    """A message and what people say of the mood in it. A label that is not known is None or
    empty."""

    text: str
    needs_human: bool | None = None
    """Whether a person should answer it."""
    moods: tuple[MoodLabel, ...] = ()
    """The labels that are right."""
    escalate: bool | None = None
    """Whether a person should take it at once because of how the customer feels or what is at
    stake; False: a bot may answer first."""
    language: str = ""
    """ISO 639-1; empty when it is not given."""


class CsvRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One record of a CSV file, and where its last line is."""

    path: Path
    line: int
    cells: Mapping[str, str | None]

    def text(self, *labels: str) -> str:
        """The message. Raises BadConfig without one, and without a value in all of ``labels``."""
        text = self.cells.get("text")
        if text is None or not any(map(self.get, labels)):
            columns = " or ".join(label for label in labels if label in self.cells)
            raise self.problem(columns, "is missing; write text and label")
        return text

    def get(self, column: str) -> str:
        """The value without spaces around it; empty without one."""
        return (self.cells.get(column) or "").strip()

    def flag(self, column: str) -> bool | None:
        """Whether the value is 1; None when it is empty. Raises BadConfig for any other but 0."""
        value = self.get(column)
        if value not in ("0", "1", ""):
            raise self.problem(column, f"is `{value}`; write one of 0, 1")
        return value == "1" if value else None

    def problem(self, column: str, message: str) -> BadConfig:
        return _bad(self.path, self.line, column, message)


def read_rows(path: Path, label: str, *, allowed: frozenset[str] | None = None) -> list[Row]:
    """The rows of a CSV file with the columns ``text`` and ``label``, as (text, label).

    Raises BadConfig with file and line when the file cannot be read, lacks a column or has no
    rows, and when a label is missing or not among ``allowed``.
    """

    def parse(record: CsvRecord) -> Row:
        text, value = record.text(label), record.get(label)
        if allowed is not None and value not in allowed:
            known = ", ".join(sorted(allowed))
            raise record.problem(label, f"is `{value}`; write one of {known}")
        return text, value

    return _read(path, (label,), parse)


def read_emotion_rows(path: Path) -> list[EmotionRow]:
    """The rows of a CSV file with the column ``text`` and any of ``needs_human``, ``moods`` and
    ``escalate``; ``language`` if it is known. ``moods`` is a label, or several with ``|`` between
    them when each is right. A cell may be empty when another label of its row is not.

    Raises BadConfig as `read_rows` does.
    """
    return _read(path, EMOTION_LABELS, _emotion_row)


EMOTION_LABELS = ("needs_human", "moods", "escalate")


def _emotion_row(record: CsvRecord) -> EmotionRow:
    text = record.text(*EMOTION_LABELS)
    language = record.get("language")
    if language and not re.fullmatch("[a-z]{2}", language):
        raise record.problem("language", f"is `{language}`; write its ISO 639-1 code, such as en")
    return EmotionRow(
        text=text,
        needs_human=record.flag("needs_human"),
        moods=tuple(_moods(record)),
        escalate=record.flag("escalate"),
        language=language,
    )


def _moods(record: CsvRecord) -> Iterator[MoodLabel]:
    known: Mapping[str, MoodLabel] = {label: label for label in get_args(MoodLabel)}
    names = record.get("moods")
    for name in names.split("|") if names else ():
        if name.strip() not in known:
            choices = ", ".join(known)
            what = f"is `{names}`; write one of {choices}, or two of them as in frustrated|angry"
            raise record.problem("moods", what)
        yield known[name.strip()]


def _read(path: Path, labels: Sequence[str], parse: Callable[[CsvRecord], T]) -> list[T]:
    """The parsed records of a file with the column ``text`` and at least one of ``labels``."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            return _rows(csv.DictReader(file, strict=True), path, labels, parse)
    except (OSError, UnicodeDecodeError) as error:
        raise _bad(path, 0, "", f"cannot be read: {error}; give a CSV file in UTF-8") from None


def _rows(
    reader: csv.DictReader[str],
    path: Path,
    labels: Sequence[str],
    parse: Callable[[CsvRecord], T],
) -> list[T]:
    try:
        names = reader.fieldnames or ()
        missing = [] if set(labels).intersection(names) else [" or ".join(labels)]
        missing += [] if "text" in names else ["text"]
        if missing:
            columns = " and ".join(missing)
            raise _bad(path, 1, columns, "is not a column of this file; add it to the first line")
        rows = [parse(CsvRecord(path=path, line=reader.line_num, cells=cells)) for cells in reader]
    except csv.Error as error:
        raise _bad(path, reader.line_num + 1, "", f"not CSV: {error}; fix the line") from None
    if not rows:
        raise _bad(path, 1, "", "has no rows; add some")
    return rows


def _bad(path: Path, line: int, key: str, message: str) -> BadConfig:
    return BadConfig([Problem(file=str(path), line=line, key=key, message=message)])
