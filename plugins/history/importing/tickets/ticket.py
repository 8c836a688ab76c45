"""A ticket of another system, and what reads the fields of all of them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Protocol

from gateway import ImportedMessage, Json, Value
from plugins.history.importing.values import OLDEST

LONGEST_LABEL = 32
_NO_LABEL = re.compile(r"[^a-z0-9]+")
_SECONDS = re.compile(r"\d{9,11}(?:\.\d+)?")
_MILLISECONDS = re.compile(r"\d{12,14}")
_ADDRESS = re.compile(r"[^\s<>@]{1,64}@[^\s<>@]{1,255}")
_FORMATS = (
    "%Y-%m-%d %H:%M:%S %z", "%Y-%m-%d %H:%M:%S UTC", "%Y/%m/%d %H:%M:%S", "%Y/%m/%d %H:%M",
    "%d.%m.%Y %H:%M:%S", "%d.%m.%Y %H:%M", "%d.%m.%Y", "%d/%m/%Y %H:%M:%S", "%d/%m/%Y %H:%M",
    "%d/%m/%Y", "%a %b %d %H:%M:%S %z %Y",
)  # fmt: skip
"""Times beside ISO 8601 and Unix time; ``01/02/2024`` is the first of February, unless a mapping
says ``time_format``."""


class LeftOut(Exception):
    """The ticket is not imported. ``reason`` is one of `values`."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class ReadWords(Protocol):
    """Returns the words of a text that may be HTML and may quote an earlier one."""

    def __call__(self, text: str, *, html: bool, answers: bool) -> str: ...


class Ticket(Value, frozen=True, kw_only=True):
    """A ticket. ``customer`` is their address on ``channel``: a mail address where there is one."""

    customer: str
    name: str = ""
    subject: str = ""
    channel: str = "email"
    messages: tuple[ImportedMessage, ...] = ()
    labels: tuple[str, ...] = ()
    score: int | None = None
    related: tuple[str, ...] = ()
    """Keys of further messages of the same conversation."""


def text_of(record: Mapping[str, Any], *names: str) -> str:
    """The first of the fields ``names`` that has a text or a number; empty: none has."""
    for name in names:
        value = record.get(name)
        if isinstance(value, str) and value.strip():
            return value.strip()
        if isinstance(value, int) and not isinstance(value, bool):
            return str(value)
    return ""


def record_of(value: Json, name: str = "") -> dict[str, Any]:
    """``value``, or its field ``name``, as an object; empty when it is none."""
    found = value.get(name) if name and isinstance(value, dict) else value
    return found if isinstance(found, dict) else {}


def list_of(record: Mapping[str, Any], *names: str) -> list[Any]:
    for name in names:
        value = record.get(name)
        if isinstance(value, list):
            return value
    return []


def read_time(value: Json, form: str = "") -> datetime:
    """``value`` as a time: ISO 8601, Unix time in seconds or milliseconds, or as people write it.
    Raises ValueError."""
    text = str(value).strip()
    if form:
        at = datetime.strptime(text, form)  # noqa: DTZ007  (a missing zone is UTC, below)
    elif _SECONDS.fullmatch(text):
        at = datetime.fromtimestamp(float(text), UTC)
    elif _MILLISECONDS.fullmatch(text):
        at = datetime.fromtimestamp(int(text) / 1000, UTC)
    else:
        at = _written_time(text)
    at = (at if at.tzinfo else at.replace(tzinfo=UTC)).astimezone(UTC)
    if at < OLDEST:
        raise ValueError(f"{text[:40]!r} is no time of a conversation")
    return at


def _written_time(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        pass
    for form in _FORMATS:
        try:
            return datetime.strptime(text, form)  # noqa: DTZ007  (as above)
        except ValueError:
            continue
    raise ValueError(f"{text[:40]!r} is no time")


def mail_address(text: str) -> str:
    """The mail address in ``text``, lower-case; empty when there is none."""
    found = _ADDRESS.search(text)
    return found[0].strip(".,;:'\"").lower() if found else ""


def label_key(tag: object) -> str:
    """A tag as the key of a label."""
    return _NO_LABEL.sub("-", str(tag).lower()).strip("-")[:LONGEST_LABEL].strip("-")


def label_keys(tags: object) -> tuple[str, ...]:
    names = tags if isinstance(tags, list) else []
    keys = (label_key(tag.get("name", "") if isinstance(tag, dict) else tag) for tag in names)
    return tuple(dict.fromkeys(key for key in keys if key))
