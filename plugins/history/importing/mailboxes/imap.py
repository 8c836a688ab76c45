"""The mails of IMAP folders (RFC 3501), read and left as they are: nothing is marked or moved.

The standard library's `imaplib` reads them, in a thread. The e-mail channel's aioimaplib is made
for one mail at a time: its parser calls itself for each line of an answer, so that an answer with
hundreds of mails exceeds Python's depth of recursion.
"""

from __future__ import annotations

import asyncio
import imaplib
import os
import re
import ssl
from array import array
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from threading import Lock
from typing import Any, TypeVar
from urllib.parse import unquote, urlsplit

import click

from gateway import Value, WarmlineError
from plugins.history.importing.mailboxes.boxes import OTHER_FOLDERS, SPAM_FOLDERS
from plugins.history.importing.mailboxes.mbox import MOST_MAILS
from plugins.history.importing.mailboxes.origin import LONGEST_HEAD, ScannedHead
from plugins.history.importing.values import Progress

T = TypeVar("T")
PASSWORD = "WARMLINE_IMAP_PASSWORD"  # noqa: S105  (the name of the variable)
TIMEOUT = 60.0
"""Seconds for one answer."""
HEADS_AT_ONCE = 200
MAILS_AT_ONCE = 20
"""Whole mails in one answer, which is held in memory."""
ATTEMPTS = 3
_LIST = re.compile(rb'\((?P<flags>[^)]*)\) (?:"[^"]*"|NIL) (?P<name>.+)')
_UID = re.compile(rb"\bUID (\d+)")
_SIZE = re.compile(rb"\bRFC822\.SIZE (\d+)")
_DATE = re.compile(rb'\bINTERNALDATE "([^"]+)"')
_LEFT_OUT = (b"\\noselect", b"\\nonexistent", b"\\junk", b"\\trash", b"\\drafts", b"\\all",
             b"\\flagged")  # fmt: skip
"""Special folders (RFC 6154); ``\\All`` and ``\\Flagged`` show the mails of others once more."""
_LONGEST_LINE = 10_000_000
"""Characters of one line of an answer: a search names each of a million mails in one."""


class ImapPlace(Value, frozen=True, kw_only=True):
    """A mailbox, or a folder of it. ``shown`` has no password."""

    host: str
    port: int
    tls: bool
    user: str
    password: str
    folder: str = ""

    @property
    def shown(self) -> str:
        scheme = "imaps" if self.tls else "imap"
        return f"{scheme}://{self.user}@{self.host}:{self.port}/{self.folder}"


def imap_place(url: str) -> ImapPlace:
    """``imaps://USER@HOST:PORT/FOLDER``. The password comes from the environment, else it is asked
    for on the terminal. Raises WarmlineError."""
    parts = urlsplit(url)
    if parts.scheme not in ("imap", "imaps") or not parts.hostname or not parts.username:
        raise WarmlineError(
            "--imap: write imaps://USER@HOST/FOLDER, with %40 for an @ in the user's name"
        )
    password = os.environ.get(PASSWORD) or unquote(parts.password or "")
    if not password:
        password = click.prompt(f"Password of {unquote(parts.username)}", hide_input=True, err=True)
    tls = parts.scheme == "imaps"
    return ImapPlace(
        host=parts.hostname,
        port=parts.port or (993 if tls else 143),
        tls=tls,
        user=unquote(parts.username),
        password=password,
        folder=unquote(parts.path.strip("/")),
    )


class ImapMails:
    """See `MailBoxes`."""

    def __init__(self, place: ImapPlace) -> None:
        self._place = place
        self._lock = Lock()
        self._client: imaplib.IMAP4 | None = None
        self._selected = ""
        self._folders: list[str] = []
        self._folder, self._uids, self._sizes = array("i"), array("q"), array("q")
        self._times = array("q")

    async def heads(self, progress: Progress) -> AsyncIterator[Sequence[ScannedHead]]:
        progress.unit = "mails"
        self._folders = await asyncio.to_thread(self._retried, self._list)
        for folder in self._folders:
            uids: list[int] = await asyncio.to_thread(self._retried, self._search, folder)
            progress.total += len(uids)
            if progress.total > MOST_MAILS:
                raise WarmlineError(f"there are more than {MOST_MAILS:,} mails; name one folder")
            for start in range(0, len(uids), HEADS_AT_ONCE):
                some = uids[start : start + HEADS_AT_ONCE]
                yield await asyncio.to_thread(self._retried, self._heads, folder, some)

    async def read(
        self, mails: Sequence[int], most: int
    ) -> Sequence[tuple[bytes, datetime | None]]:
        return await asyncio.to_thread(self._read, mails, most)

    def size(self, mail: int) -> int:
        return self._sizes[mail]

    def place(self, mail: int) -> str:
        return f"{self._folders[self._folder[mail]]}, UID {self._uids[mail]}"

    def close(self) -> None:
        with self._lock:
            self._forget()

    # -- in a thread -------------------------------------------------------------------------------

    def _retried(self, work: Callable[..., T], *arguments: Any) -> T:
        """The result of ``work``; a connection that broke is made anew."""
        with self._lock:
            for attempt in range(1, ATTEMPTS + 1):
                try:
                    return work(*arguments)
                except (imaplib.IMAP4.abort, OSError) as error:
                    self._forget()
                    if attempt == ATTEMPTS:
                        raise WarmlineError(
                            f"{self._place.shown}: {error}; run the same command again to go on"
                        ) from None
        raise AssertionError

    def _connected(self) -> imaplib.IMAP4:
        if self._client is None:
            imaplib._MAXLINE = _LONGEST_LINE  # type: ignore[attr-defined]  # noqa: SLF001  (its own advice)
            place = self._place
            try:
                if place.tls:
                    self._client = imaplib.IMAP4_SSL(
                        place.host,
                        place.port,
                        ssl_context=ssl.create_default_context(),
                        timeout=TIMEOUT,
                    )
                else:
                    self._client = imaplib.IMAP4(place.host, place.port, timeout=TIMEOUT)
                self._client.login(place.user, place.password)
            except imaplib.IMAP4.abort:
                raise
            except imaplib.IMAP4.error as error:
                self._forget()
                raise WarmlineError(f"{place.shown}: cannot log in: {error}") from None
            self._selected = ""
        return self._client

    def _forget(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            try:
                client.shutdown()
            except OSError:
                return

    def _list(self) -> list[str]:
        if self._place.folder:
            return self._place.folder.split(",")
        client = self._connected()
        found: list[str] = []
        for line in _ok(client.list(), "list the folders"):
            if not isinstance(line, bytes) or not (match := _LIST.match(line)):
                continue
            name = match["name"].decode("ascii", "replace").strip('"')
            flags = match["flags"].lower()
            bare = re.split(r"[./]", name)[-1].lower()
            other = bare in SPAM_FOLDERS or bare in OTHER_FOLDERS
            if not other and not any(flag in flags for flag in _LEFT_OUT):
                found.append(name)
        if not found:
            raise WarmlineError(f"{self._place.shown} has no folder with mail")
        return found

    def _open(self, folder: str) -> imaplib.IMAP4:
        client = self._connected()
        if self._selected != folder:
            quoted = '"' + folder.replace("\\", "\\\\").replace('"', '\\"') + '"'
            _ok(client.select(quoted, readonly=True), f"open the folder {folder}")
            self._selected = folder
        return client

    def _search(self, folder: str) -> list[int]:
        lines = _ok(self._open(folder).uid("search", "ALL"), f"search {folder}")
        return [int(uid) for line in lines if isinstance(line, bytes) for uid in line.split()]

    def _heads(self, folder: str, uids: Sequence[int]) -> list[ScannedHead]:
        wanted = f"(UID RFC822.SIZE INTERNALDATE BODY.PEEK[HEADER]<0.{LONGEST_HEAD}>)"
        found = self._fetch(folder, uids, wanted)
        index = self._folders.index(folder)
        heads: list[ScannedHead] = []
        for uid, about, raw in found:
            size, date = _SIZE.search(about), _DATE.search(about)
            self._folder.append(index)
            self._uids.append(uid)
            self._sizes.append(int(size[1]) if size else len(raw))
            at = _time(date[1]) if date else None
            self._times.append(int(at.timestamp()) if at else -1)
            mail = len(self._uids) - 1
            heads.append(ScannedHead(mail, raw, at, self._sizes[mail]))
        return heads

    def _read(self, mails: Sequence[int], most: int) -> list[tuple[bytes, datetime | None]]:
        of_folder: defaultdict[str, list[int]] = defaultdict(list)
        for mail in mails:
            of_folder[self._folders[self._folder[mail]]].append(mail)
        raws: dict[tuple[str, int], bytes] = {}
        for folder, some in of_folder.items():
            uids = [self._uids[mail] for mail in some]
            for start in range(0, len(uids), MAILS_AT_ONCE):
                part = uids[start : start + MAILS_AT_ONCE]
                found = self._retried(self._fetch, folder, part, f"(UID BODY.PEEK[]<0.{most}>)")
                raws |= {(folder, uid): raw for uid, _, raw in found}
        return [
            (raws.get((self._folders[self._folder[mail]], self._uids[mail]), b""), None)
            for mail in mails
        ]

    def _fetch(
        self, folder: str, uids: Sequence[int], wanted: str
    ) -> list[tuple[int, bytes, bytes]]:
        """(UID, what the server says of it, bytes) of each mail that is there."""
        client = self._open(folder)
        lines = _ok(client.uid("fetch", ",".join(map(str, uids)), wanted), f"read {folder}")
        found: list[tuple[int, bytes, bytes]] = []
        for number, line in enumerate(lines):
            if not isinstance(line, tuple):
                continue
            # Servers may say the rest behind the literal.
            behind = lines[number + 1] if number + 1 < len(lines) else b""
            about = line[0] + b" " + (behind if isinstance(behind, bytes) else b"")
            if uid := _UID.search(about):
                found.append((int(uid[1]), about, line[1]))
        return found


def _ok(answer: tuple[str, list[Any]], what: str) -> list[Any]:
    state, lines = answer
    if state != "OK":
        said = lines[0].decode("utf-8", "replace") if lines and isinstance(lines[0], bytes) else ""
        raise WarmlineError(f"cannot {what}: {said[:200]}")
    return lines


def _time(written: bytes) -> datetime | None:
    try:
        text = written.decode("ascii").strip().replace("-", " ", 2)
        return parsedate_to_datetime(text).astimezone(UTC)
    except (ValueError, UnicodeDecodeError):
        return None
