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
"""Mails that are shown."""
LARGEST = 256_000
"""Bytes of one mail that are read; the rest, mostly attachments, is not shown."""


class SentMail(Value, frozen=True, kw_only=True):
    """One mail, as text."""

    to: str
    sender: str
    subject: str
    date: str
    text: str


def read_mails(maildir: Path) -> tuple[SentMail, ...]:
    """The newest mails of ``maildir``, newest first; none when there is no such folder."""
    newest = heapq.nlargest(NEWEST, _files(maildir))
    return tuple(_read(path) for _, path in newest)


def _files(maildir: Path) -> Iterator[tuple[int, Path]]:
    for folder in ("new", "cur"):
        # Another program may read the mails: a file can disappear while we look.
        try:
            for path in (maildir / folder).iterdir():
                if path.is_file():
                    yield path.stat().st_mtime_ns, path
        except FileNotFoundError:
            continue


def _read(path: Path) -> SentMail:
    with path.open("rb") as file:
        message = email.message_from_bytes(file.read(LARGEST), policy=policy.default)

    def header(name: str) -> str:
        return str(message.get(name, "")).strip()

    return SentMail(
        to=header("To"),
        sender=header("From"),
        subject=header("Subject") or "(no subject)",
        date=header("Date"),
        text=_text(message),
    )


def _text(message: EmailMessage) -> str:
    body = message.get_body(preferencelist=("plain", "html"))
    data = body.get_payload(decode=True) if body is not None else None
    if body is None or not isinstance(data, bytes):
        return "(no text)"
    try:
        return data.decode(body.get_content_charset("utf-8"), "replace").strip()
    except LookupError:
        return data.decode("ascii", "replace").strip()
