"""Files on disk, named by the SHA-256 of their bytes, with a media type told by their content."""

from __future__ import annotations

import asyncio
import hashlib
import os
import re
from collections.abc import AsyncIterator
from pathlib import Path
from tempfile import NamedTemporaryFile

import filetype

from gateway.adapters.encryption import DataKeys
from gateway.model import Attachment, File
from gateway.ports import NotFound, TooLarge

DIGEST, HEX = 64, frozenset("0123456789abcdef")


class DiskFiles:
    """Files below ``folder`` under the SHA-256 of their bytes; at most ``most`` bytes each."""

    def __init__(self, folder: Path, *, most: int, keys: DataKeys | None = None) -> None:
        self._folder = folder
        self._most = most
        self._keys = keys or DataKeys()

    async def keep(self, file: File) -> Attachment:
        """Durable when it returns. Raises TooLarge."""
        size = len(file.data)
        if size > self._most:
            raise TooLarge(f"{size} bytes; limits.attachment allows {self._most}")
        digest = await asyncio.to_thread(self._write, file.data)
        media_type = believed(file.media_type, file.data)
        return Attachment(name=file.name, media_type=media_type, size=size, digest=digest)

    async def open(self, digest: str) -> bytes:
        """Raises NotFound."""
        path = self._path(digest)
        try:
            stored = await asyncio.to_thread(path.read_bytes)
        except FileNotFoundError:
            raise NotFound(f"no file {digest}") from None
        return self._keys.open_bytes(stored, _bound(digest))

    async def forget(self, digests: tuple[str, ...]) -> None:
        """Delete files that nothing names any more."""
        for digest in digests:
            await asyncio.to_thread(self._path(digest).unlink, missing_ok=True)

    def reseal(self) -> int:
        """Bring every file to the first key; gives how many changed. It takes long: not for the
        event loop."""
        changed = 0
        for path in sorted(self._folder.glob("??/*")):
            digest = path.name
            if len(digest) != DIGEST or not set(digest) <= HEX:
                continue  # left over by a crash: no file of ours
            stored = path.read_bytes()
            if not self._keys.current_bytes(stored):
                data = self._keys.open_bytes(stored, _bound(digest))
                _replace(path, self._keys.seal_bytes(data, _bound(digest)))
                changed += 1
        return changed

    async def older(self, than: float) -> AsyncIterator[list[str]]:
        """The digests of files that were kept before ``than`` (seconds since 1970), a folder at a
        time. What a crash left half written is deleted on the way."""
        for folder in await asyncio.to_thread(lambda: sorted(self._folder.glob("??"))):
            yield await asyncio.to_thread(_old_files, folder, than)

    def _path(self, digest: str) -> Path:
        if len(digest) != DIGEST or not set(digest) <= HEX:
            raise NotFound("that is no digest of a file")
        return self._folder / digest[:2] / digest

    def _write(self, data: bytes) -> str:
        digest = hashlib.sha256(data).hexdigest()
        path = self._path(digest)
        if path.exists():
            return digest
        path.parent.mkdir(parents=True, exist_ok=True)
        _replace(path, self._keys.seal_bytes(data, _bound(digest)))
        return digest


def _old_files(folder: Path, than: float) -> list[str]:
    found = []
    for path in folder.iterdir():
        if path.stat().st_mtime >= than:
            continue
        if len(path.name) == DIGEST:
            found.append(path.name)
        else:
            path.unlink(missing_ok=True)  # the temporary file of a write that was cut off
    return found


def _bound(digest: str) -> str:
    """What the bytes of a file are bound to: none can be put in the place of another."""
    return f"files:{digest}"


def _replace(path: Path, data: bytes) -> None:
    """Write the file whole or not at all, durably."""
    with NamedTemporaryFile(dir=path.parent, delete=False) as temporary:
        temporary.write(data)
        temporary.flush()
        os.fsync(temporary.fileno())
    Path(temporary.name).replace(path)
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
KIN = {
    # A container, and what is made of it: the narrower word of the sender is believed.
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


def believed(said: str, data: bytes) -> str:
    """The media type under which ``data`` is kept: what it shows to be where that is another
    family than ``said``; ``application/octet-stream`` for a page or a program in disguise.

    Nothing is served inline anyway; this keeps channels and colleagues' programs from being told
    that a page is a picture.
    """
    found = filetype.guess_mime(data[:8192])
    if found is None:
        disguised = said.startswith(PASSIVE) and ACTIVE.match(data[:1024]) is not None
        return UNKNOWN if disguised else said
    if _family(found) == _family(said) or said.startswith(KIN.get(found, ())) or said == UNKNOWN:
        return said
    return str(found)


def _family(media_type: str) -> str:
    """Pictures are one family; other types are each its own."""
    major, _, minor = media_type.partition("/")
    return major if major in ("image", "audio", "video") else f"{major}/{minor.removeprefix('x-')}"
