"""Saved replies from a CSV file (RFC 4180): columns name, language and text. Pure."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence

from gateway import Value, counted
from plugins.agents_desk.composing.saved_replies import SavedReply, problem_of, purpose_of

COLUMNS = ("name", "language", "text")
MOST_ROWS = 500
MOST_PROBLEMS = 20
LARGEST_FILE = 2_000_000
"""Bytes."""


class LineProblem(Value, frozen=True, kw_only=True):
    """What is wrong with one line of the file; lines count from 1, the header's."""

    line: int
    message: str


class ImportedReplies(Value, frozen=True, kw_only=True):
    """The replies of a file, or what is wrong with it: with a problem nothing is imported."""

    replies: tuple[SavedReply, ...] = ()
    problems: tuple[LineProblem, ...] = ()


def read_replies(data: bytes, *, known: Sequence[SavedReply] = ()) -> ImportedReplies:
    """The replies of a CSV file in UTF-8, separated by commas, semicolons or tabs. ``known``: those
    that the same people have already, which must not come again."""
    if len(data) > LARGEST_FILE:
        return _wrong(1, f"the file has more than {LARGEST_FILE:,} bytes; import it in parts")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        return _wrong(line, "it is not in UTF-8; save the file as “CSV UTF-8” and try again")
    first = text.partition("\n")[0]
    separator = max(",;\t", key=first.count)
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    try:
        return _read(rows, {purpose_of(reply) for reply in known})
    except csv.Error as error:
        return _wrong(rows.line_num, f"it is not valid CSV: {error}")


def _read(rows: Iterator[list[str]], known: set[tuple[str, str, str]]) -> ImportedReplies:
    header = [cell.strip().casefold() for cell in next(rows, [])]
    if missing := [name for name in ("name", "text") if name not in header]:
        wanted = ",".join(COLUMNS)
        return _wrong(1, f"there is no column {missing[0]}; the first line must be {wanted}")
    replies: list[SavedReply] = []
    problems: list[LineProblem] = []
    line = 2
    for row in rows:
        reply, why = _row(header, row, known)
        if why:
            problems.append(LineProblem(line=line, message=why))
        elif reply is not None:
            replies.append(reply)
            known.add(purpose_of(reply))
        if len(replies) > MOST_ROWS:
            return _wrong(line, f"a file may have at most {MOST_ROWS} replies")
        line = getattr(rows, "line_num", line) + 1
    if not replies and not problems:
        return _wrong(1, "there are no replies below the header")
    if problems:
        return ImportedReplies(problems=tuple(problems[:MOST_PROBLEMS]))
    return ImportedReplies(replies=tuple(replies))


def _row(
    header: list[str], row: list[str], known: set[tuple[str, str, str]]
) -> tuple[SavedReply | None, str | None]:
    """The reply of a row, or why it is none; neither for an empty line."""
    if not any(cell.strip() for cell in row):
        return None, None
    if len(row) != len(header):
        return None, f"it has {counted(len(row), 'column')} and the first line has {len(header)}"
    cells = dict(zip(header, row, strict=True))
    reply = SavedReply(
        name=cells["name"].strip(),
        text=cells["text"].replace("\r\n", "\n").strip(),
        language=cells.get("language", "").strip().casefold(),
    )
    if purpose_of(reply) in known:
        return None, f"there is a reply with the name {reply.name} already"
    return reply, problem_of(reply)


def _wrong(line: int, message: str) -> ImportedReplies:
    return ImportedReplies(problems=(LineProblem(line=line, message=message),))
