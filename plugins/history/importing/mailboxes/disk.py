"""Mailboxes on disk, read in a thread."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from itertools import islice
from pathlib import Path
from threading import Lock

from plugins.history.importing.archives import members
from plugins.history.importing.mailboxes.boxes import Box, DiskMails, find_boxes
from plugins.history.importing.mailboxes.mbox import MboxFile
from plugins.history.importing.mailboxes.origin import (
    HEAD,
    HEADS_AT_ONCE,
    LONGEST_HEAD,
    ScannedHead,
)
from plugins.history.importing.values import Progress


class DiskBoxes:
    """See `MailBoxes`."""

    def __init__(self, mails: DiskMails) -> None:
        self._mails = mails
        self._lock = Lock()
        """Each box is one open file."""

    async def heads(self, progress: Progress) -> AsyncIterator[Sequence[ScannedHead]]:
        progress.unit = "mails"
        numbers = self._mails.scan()
        while found := await asyncio.to_thread(
            lambda: [self._head(mail) for mail in islice(numbers, HEADS_AT_ONCE)]
        ):
            yield found

    def _head(self, mail: int) -> ScannedHead:
        raw, at = self._mails.read(mail, HEAD)
        if len(raw) >= HEAD and b"\n\n" not in raw and b"\r\n\r\n" not in raw:
            raw, at = self._mails.read(mail, LONGEST_HEAD)
        return ScannedHead(mail, raw, at, self._mails.size(mail))

    async def read(
        self, mails: Sequence[int], most: int
    ) -> Sequence[tuple[bytes, datetime | None]]:
        return await asyncio.to_thread(self._read, mails, most)

    def _read(self, mails: Sequence[int], most: int) -> list[tuple[bytes, datetime | None]]:
        with self._lock:
            return [self._mails.read(mail, most) for mail in mails]

    def size(self, mail: int) -> int:
        return self._mails.size(mail)

    def place(self, mail: int) -> str:
        return self._mails.place(mail)

    def close(self) -> None:
        with self._lock:
            self._mails.close()


def disk_boxes(path: Path) -> DiskBoxes:
    """The mailboxes at ``path``, which may be a zip archive of mbox files. Raises WarmlineError."""
    if path.suffix.lower() == ".zip":
        boxes: list[Box] = [
            MboxFile(file, name)
            for name, file in members(path)
            if not name.rpartition("/")[2].startswith(".")
        ]
        return DiskBoxes(DiskMails(boxes))
    return DiskBoxes(DiskMails(find_boxes(path)))
