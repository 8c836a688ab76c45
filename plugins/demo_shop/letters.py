"""The mails that the shop sent, read from a Maildir to be shown as text."""

from __future__ import annotations

import email
import heapq
from collections.abc import Iterator
from email import policy
from email.message import EmailMessage
from pathlib import Path

from gateway import Value

NEWEST = 50
LARGEST = 256_000
"""Bytes of one mail that are read; the rest, attachments mostly, is not shown."""


class Letter(Value, frozen=True, kw_only=True):
    """One mail, in words."""

    to: str
    sender: str
    subject: str
    date: str
    text: str


def letters(maildir: Path) -> tuple[Letter, ...]:
    """The newest mails of ``maildir``, newest first; none when there is no such folder."""
    newest = heapq.nlargest(NEWEST, _files(maildir))
    return tuple(_letter(path) for _, path in newest)


def _files(maildir: Path) -> Iterator[tuple[int, Path]]:
    for folder in ("new", "cur"):
        # Other programs may read the mails: a file can be gone before we look.
        try:
            for path in (maildir / folder).iterdir():
                if path.is_file():
                    yield path.stat().st_mtime_ns, path
        except FileNotFoundError:
            continue


def _letter(path: Path) -> Letter:
    with path.open("rb") as file:
        message = email.message_from_bytes(file.read(LARGEST), policy=policy.default)
    return Letter(
        to=_header(message, "To"),
        sender=_header(message, "From"),
        subject=_header(message, "Subject") or "(no subject)",
        date=_header(message, "Date"),
        text=_text(message),
    )


def _header(message: EmailMessage, name: str) -> str:
    return str(message.get(name, "")).strip()


def _text(message: EmailMessage) -> str:
    body = message.get_body(preferencelist=("plain", "html"))
    if body is None:
        return "(no text)"
    data = body.get_payload(decode=True)
    if not isinstance(data, bytes):
        return "(no text)"
    try:
        return data.decode(body.get_content_charset("utf-8"), "replace").strip()
    except LookupError:
        return data.decode("ascii", "replace").strip()
