"""The tickets in a file of JSON, JSON lines or XML, one by one and within bounds."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, Any
from xml.etree.ElementTree import Element, ParseError

import msgspec
from defusedxml import DefusedXmlException
from defusedxml.ElementTree import iterparse

from gateway import Json, WarmlineError
from plugins.history.importing.archives import members, open_bounded

LONGEST_LINE = 50_000_000
"""Bytes of one line of JSON lines: a page of a thousand tickets has some."""
LARGEST_DOCUMENT = 500_000_000
"""Bytes of a JSON file that is one value: it is held in memory, five times as large."""
MOST_USERS = 1_000_000
DEEPEST = 50
"""Levels of XML."""
LARGEST_TICKET = 100_000
"""Elements of one ticket in XML."""
_TICKETS = ("tickets", "conversations", "helpdesk_tickets", "results", "data")
"""Fields of a page that hold its tickets, in the exports and the APIs of the three systems."""
_XML_TICKETS = ("helpdesk-ticket", "helpdesk_ticket")


class ExportFiles:
    """The files of an export: a file, those of a folder, or those in a zip archive."""

    def __init__(self, path: Path) -> None:
        """Raises WarmlineError when there is none."""
        self._files: list[tuple[str, IO[bytes]]] = []
        if path.suffix.lower() == ".zip":
            self._files = [(n, f) for n, f in members(path) if _is_export(Path(n))]
        elif path.is_dir():
            found = sorted(p for p in path.rglob("*") if p.is_file() and _is_export(p))
            self._files = [(str(p.relative_to(path)), open_bounded(p)) for p in found]
        else:
            self._files = [(path.name, open_bounded(path))]
        if not self._files:
            raise WarmlineError(f"{path} has no .json, .jsonl, .ndjson or .xml file")
        self.users: dict[str, Any] = {}
        """The people that pages and files of users name, by id."""

    def close(self) -> None:
        for _, file in self._files:
            file.close()

    def size(self) -> int:
        """Bytes of all files."""
        return sum(file.seek(0, 2) for _, file in self._files)

    def records(self) -> Iterator[tuple[Json, int]]:
        """Each ticket with its people, and how many bytes were read so far. What is no JSON or XML
        raises WarmlineError; files of users come first."""
        done = 0
        ordered = sorted(self._files, key=lambda one: "ticket" in one[0] or "conv" in one[0])
        for name, file in ordered:
            file.seek(0)
            values = _xml(file, name) if name.lower().endswith(".xml") else _json(file, name)
            for value in values:
                for record in self._tickets(value):
                    yield self._with_users(record), done + file.tell()
            done += file.seek(0, 2)

    def _tickets(self, value: Json) -> Iterator[Json]:
        if isinstance(value, list):
            for each in value:
                yield from self._tickets(each)
            return
        if not isinstance(value, dict):
            return
        if isinstance(users := value.get("users"), list) and not value.get("id"):
            self._note(users)
        pages = [field for field in _TICKETS if isinstance(value.get(field), list)]
        if pages and value.get("id") is None and value.get("display_id") is None:
            yield from (each for each in value[pages[0]] if isinstance(each, dict))
        elif _is_user(value):
            self._note([value])
        elif value.get("id") is not None or "helpdesk_ticket" in value or "ticket" in value \
                or value.get("display_id") is not None:  # fmt: skip
            yield value

    def _note(self, users: Sequence[Any]) -> None:
        for user in users:
            if isinstance(user, dict) and len(self.users) < MOST_USERS:
                kept = {key: user.get(key) for key in ("id", "name", "email", "role", "phone")}
                self.users[str(user.get("id"))] = kept

    def _with_users(self, record: Json) -> Json:
        """``record`` with those of the known people whose ids it names."""
        if not self.users or not isinstance(record, dict):
            return record
        ids = {str(record.get(key)) for key in ("requester_id", "submitter_id", "assignee_id",
                                                "responder_id")}  # fmt: skip
        for field in ("comments", "conversations", "notes"):
            for each in record.get(field) or ():
                if isinstance(each, dict):
                    ids.add(str(each.get("author_id") or each.get("user_id")))
        found = [self.users[id] for id in ids if id in self.users]
        return {**record, "users": [*(record.get("users") or ()), *found]} if found else record


def _is_export(path: Path) -> bool:
    name = path.name.lower().removesuffix(".gz")
    return name.endswith((".json", ".jsonl", ".ndjson", ".xml")) and not name.startswith(".")


def _is_user(value: dict[str, Any]) -> bool:
    return "email" in value and "role" in value and "comments" not in value


def _json(file: IO[bytes], name: str) -> Iterator[Json]:
    """The values of a file: one a line, or the one that it is."""
    beginning = file.read(3)
    file.seek(3 if beginning == b"\xef\xbb\xbf" else 0)
    start = file.tell()
    first = _line(file, name)
    while first is not None and not first.strip():
        first = _line(file, name)
    if first is None:
        return
    try:
        yield msgspec.json.decode(first)
    except (msgspec.DecodeError, RecursionError):
        yield _whole(file, name, start)
        return
    while (line := _line(file, name)) is not None:
        if not line.strip():
            continue
        try:
            yield msgspec.json.decode(line)
        except (msgspec.DecodeError, RecursionError):
            yield {"id": f"line at byte {file.tell() - len(line)}"}  # counted as undecodable


def _line(file: IO[bytes], name: str) -> bytes | None:
    line = file.readline(LONGEST_LINE + 1)
    if len(line) > LONGEST_LINE:
        if file.seek(0, 2) <= LARGEST_DOCUMENT:
            return b"{"  # no line: it is read as a whole
        raise WarmlineError(
            f"{name} has a line of over {LONGEST_LINE // 1_000_000} MB; write one ticket a line, "
            "such as by `jq -c '.tickets[]'`"
        )
    return line or None


def _whole(file: IO[bytes], name: str, start: int) -> Json:
    if file.seek(0, 2) > LARGEST_DOCUMENT:
        raise WarmlineError(
            f"{name} is one JSON value of over {LARGEST_DOCUMENT // 1_000_000} MB; write one "
            "ticket a line, such as by `jq -c '.tickets[]'`"
        )
    file.seek(start)
    try:
        value: Json = msgspec.json.decode(file.read())
    except (msgspec.DecodeError, RecursionError) as error:
        raise WarmlineError(f"{name} is no JSON: {error}") from None
    return value


def _xml(file: IO[bytes], name: str) -> Iterator[Json]:
    """The tickets of a Freshdesk export in XML. Documents with a DTD are refused: they could name
    other files, and expand without end (CWE-611, CWE-776)."""
    depth = elements = 0
    try:
        for event, element in iterparse(file, events=("start", "end"), forbid_dtd=True):
            depth += 1 if event == "start" else -1
            elements += 1
            if depth > DEEPEST or elements > LARGEST_TICKET:
                raise WarmlineError(f"{name} is nested too deep, or a ticket in it is too large")
            if event == "end" and element.tag in _XML_TICKETS:
                yield _of_xml(element)
                element.clear()
                elements = 0
    except (ParseError, DefusedXmlException, ValueError) as error:
        raise WarmlineError(f"{name} is no XML that is read here: {error!r}") from None


def _of_xml(element: Element) -> dict[str, Any]:
    """An element as JSON: its children by name, lists of several (``notes``) as a list."""
    found: dict[str, Any] = {}
    for child in element:
        key = re.sub(r"^helpdesk_(?=notes|tickets)", "", child.tag.replace("-", "_"))
        if len(child) and child.get("type") == "array":
            found[key] = [_of_xml(each) for each in child]
        else:
            found[key] = _of_xml(child) if len(child) else (child.text or "").strip()
    return found
