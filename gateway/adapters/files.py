"""Attachments on disk, named by the SHA-256 of their content; and checks of their media type."""

from __future__ import annotations

import asyncio
import errno
import hashlib
import os
import re
import shutil
import time
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from tempfile import NamedTemporaryFile

import filetype
import structlog

from gateway.adapters.encryption import BadKey, DataKeys
from gateway.model import Attachment, File
from gateway.ports import NotAccepted, NotFound, TooLarge
from gateway.support.private import private_folder

log = structlog.get_logger()
FULL = 300.0
"""Seconds after which somebody may try again when there is no room for a file."""
DIGEST = re.compile(r"[0-9a-f]{64}")


class DiskFiles:
    """Files below ``folder``, each named by the SHA-256 of its content, of at most ``most`` bytes.
    With ``keys`` the content is encrypted on disk."""

    def __init__(
        self,
        folder: Path,
        *,
        most: int,
        keys: DataKeys | None = None,
        quota: int | None = None,
        least_disk: int = 0,
    ) -> None:
        """``quota``: bytes that all files may have; ``least_disk``: bytes that stay free."""
        self._folder = folder
        self._most = most
        self._keys = keys or DataKeys()
        self._quota, self._least_disk = quota, least_disk
        self._used: int | None = None
        self._refused_at = float("-inf")

    async def trouble(self) -> str | None:
        """That a file was not stored in the last `FULL` seconds, for people; None if all were."""
        if time.monotonic() - self._refused_at > FULL:
            return None
        return "there was no room for a file; make room on the disk, or raise limits.files"

    async def keep(self, file: File) -> Attachment:
        """Store ``file``. It is on the disk when this returns, and stays there for a day, or as
        long as a row names it. Raises TooLarge, and NotAccepted when disk or quota are full."""
        size = len(file.data)
        if size > self._most:
            raise TooLarge(f"{size} bytes; limits.attachment allows {self._most}")
        try:
            digest = await asyncio.to_thread(self._write, file.data)
        except NotAccepted:
            self._refused_at = time.monotonic()
            raise
        media_type = safe_media_type(file.media_type, file.data)
        return Attachment(name=file.name, media_type=media_type, size=size, digest=digest)

    async def open(self, digest: str) -> bytes:
        """The content of the file. Raises NotFound, also when it is damaged or not readable."""
        path = self._path(digest)
        try:
            return await asyncio.to_thread(self._read, path)
        except FileNotFoundError:
            raise NotFound(f"no file {digest}") from None
        except (BadKey, OSError) as error:
            log.exception("file.unreadable", digest=digest)
            self._keys.count_unreadable("files")
            raise NotFound(f"the file {digest} is damaged and cannot be read") from error

    def _read(self, path: Path) -> bytes:
        data = self._keys.open_bytes(path.read_bytes(), _place(path.name))
        if hashlib.sha256(data).hexdigest() != path.name:
            raise BadKey("its content is not what was stored; restore it from a backup")
        return data

    async def forget(self, digests: tuple[str, ...], *, before: float | None = None) -> None:
        """Delete files that no row refers to any more; with ``before`` (seconds since 1970) only
        those that nobody has stored again since."""
        for digest in digests:
            await asyncio.to_thread(self._delete, self._path(digest), before)

    def _delete(self, path: Path, before: float | None) -> None:
        try:
            status = path.stat()
        except FileNotFoundError:
            return
        if before is None or status.st_mtime < before:
            path.unlink(missing_ok=True)
            self._used = None if self._used is None else self._used - status.st_size

    def reseal(self) -> int:
        """Encrypt every file again that is not encrypted with the first key; leave damaged ones as
        they are. Returns how many changed.

        This blocks and takes long: do not call it on the event loop."""
        changed = 0
        for path in sorted(self._folder.glob("??/*")):
            digest = path.name
            if not DIGEST.fullmatch(digest):
                continue  # the temporary file of a write that a crash cut off
            stored = path.read_bytes()
            if not self._keys.is_current_bytes(stored):
                try:
                    data = self._keys.open_bytes(stored, _place(digest))
                except BadKey:
                    log.exception("file.unreadable", digest=digest)
                    self._keys.count_unreadable("files")
                    continue
                _replace(path, self._keys.seal_bytes(data, _place(digest)))
                changed += 1
        return changed

    async def older_than(self, timestamp: float) -> AsyncIterator[list[str]]:
        """The digests of files that were stored before ``timestamp`` (seconds since 1970), one
        folder at a time. Also deletes old temporary files of writes that a crash cut off."""
        for folder in await asyncio.to_thread(lambda: sorted(self._folder.glob("??"))):
            yield await asyncio.to_thread(_old_files, folder, timestamp)

    def _path(self, digest: str) -> Path:
        if not DIGEST.fullmatch(digest):
            raise NotFound("not the digest of a file")
        return self._folder / digest[:2] / digest

    def _write(self, data: bytes) -> str:
        digest = hashlib.sha256(data).hexdigest()
        path = self._path(digest)
        with suppress(FileNotFoundError):
            os.utime(path)  # as if stored now: it may be old, and named by no message yet
            return digest
        self._check_room(len(data))
        private_folder(path.parent)
        try:
            _replace(path, self._keys.seal_bytes(data, _place(digest)))
        except OSError as error:
            if error.errno not in (errno.ENOSPC, errno.EDQUOT):
                raise
            log.error("files.disk_full", folder=str(self._folder), hint="make room")  # noqa: TRY400  (its cause is known)
            raise NotAccepted("there is no room for files at the moment", after=FULL) from error
        self._used = None if self._used is None else self._used + len(data)
        return digest

    def _check_room(self, size: int) -> None:
        private_folder(self._folder)
        if shutil.disk_usage(self._folder).free < self._least_disk + size:
            log.error("files.disk_full", folder=str(self._folder), hint="make room")
            raise NotAccepted("there is no room for files at the moment", after=FULL)
        if self._quota is None:
            return
        if self._used is None or self._used + size > self._quota:
            self._used = self._count()  # again: another process may have deleted files
        if self._used + size > self._quota:
            log.error(
                "files.quota_full", used=self._used, hint="raise limits.files, or retain less"
            )
            raise NotAccepted("there is no room for files at the moment", after=FULL)

    def _count(self) -> int:
        used = 0
        for path in self._folder.glob("??/*"):
            with suppress(FileNotFoundError):  # deleted, or renamed, in this moment
                used += path.stat().st_size
        return used


def _old_files(folder: Path, timestamp: float) -> list[str]:
    digests = []
    for path in folder.iterdir():
        try:
            if path.stat().st_mtime >= timestamp:
                continue
        except FileNotFoundError:  # deleted, or renamed, in this moment
            continue
        if DIGEST.fullmatch(path.name):
            digests.append(path.name)
        else:
            path.unlink(missing_ok=True)  # the temporary file of a write that was cut off
    return digests


def _place(digest: str) -> str:
    """The place that a file's content is bound to, so that no file can replace another."""
    return f"files:{digest}"


def _replace(path: Path, data: bytes) -> None:
    """Write the whole file or nothing, durably."""
    with NamedTemporaryFile(dir=path.parent, delete=False) as temporary:
        try:
            temporary.write(data)
            temporary.flush()
            os.fsync(temporary.fileno())
            Path(temporary.name).replace(path)
        except BaseException:  # a part of it must not fill the disk further
            Path(temporary.name).unlink(missing_ok=True)
            raise
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


ACTIVE = re.compile(
    rb"(?:\xef\xbb\xbf)?\s{0,512}<(?:!doctype|html|head|body|script|svg|iframe|\?xml)",
    re.IGNORECASE,
)
UNKNOWN = "application/octet-stream"
PASSIVE = ("image/", "audio/", "video/", "application/pdf", "font/")
COMPATIBLE = {
    # For each container format, the prefixes of the more precise types that a sender may state.
    "application/zip": (
        "application/vnd.",
        "application/epub",
        "application/x-zip",
        "application/java",
    ),
    "video/mp4": ("audio/mp4", "audio/m4a", "audio/x-m4a", "video/quicktime", "image/hei"),
    "video/webm": ("audio/webm", "video/x-matroska", "audio/x-matroska"),
    "video/x-matroska": ("audio/webm", "video/webm", "audio/x-matroska"),
    "audio/ogg": ("video/ogg", "application/ogg"),
    "application/gzip": ("application/x-gzip", "application/x-tgz"),
}


def safe_media_type(stated: str, data: bytes) -> str:
    """The media type to store ``data`` under.

    It is ``stated``, the sender's, unless the content shows another kind of file: then it is that
    of the content. HTML or a script that states to be a picture, say, becomes
    ``application/octet-stream``. Nothing is served inline anyway; this protects channels and the
    programs of colleagues from files with a false type.
    """
    found = filetype.guess_mime(data[:8192])
    if found is None:
        disguised = stated.startswith(PASSIVE) and ACTIVE.match(data[:1024]) is not None
        return UNKNOWN if disguised else stated
    compatible = COMPATIBLE.get(found, ())
    if stated == UNKNOWN or _kind(found) == _kind(stated) or stated.startswith(compatible):
        return stated
    return str(found)


def _kind(media_type: str) -> str:
    """``image``, ``audio`` and ``video`` are one kind each; any other type is a kind of its own."""
    major, _, minor = media_type.partition("/")
    return major if major in ("image", "audio", "video") else f"{major}/{minor.removeprefix('x-')}"
