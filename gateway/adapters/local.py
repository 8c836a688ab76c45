"""What one process needs of its own: a clock, live events, files on disk."""

from __future__ import annotations

import asyncio
import hashlib
import os
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from tempfile import NamedTemporaryFile

from gateway.adapters.sealing import Keys
from gateway.adapters.sniffing import believed
from gateway.model import Attachment, File
from gateway.ports import Event, NotFound, TooLarge

DIGEST, HEX = 64, frozenset("0123456789abcdef")
PENDING = 256
"""Events that may wait for one listener; a slower one loses the oldest and looks the truth up."""


class SystemClock:
    """The time of this machine."""

    now = staticmethod(partial(datetime.now, UTC))  # asked a dozen times a turn: no call of ours

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


class LocalEvents:
    """Events within this process."""

    def __init__(self) -> None:
        self._listeners: dict[str, set[asyncio.Queue[Event]]] = defaultdict(set)

    def publish(self, event: Event) -> None:
        for queue in self._listeners.get(event.topic, ()):
            if queue.full():
                queue.get_nowait()
            queue.put_nowait(event)

    @asynccontextmanager
    async def listen(self, topic: str) -> AsyncIterator[AsyncIterator[Event]]:
        """Events of ``topic`` from now on."""
        queue: asyncio.Queue[Event] = asyncio.Queue(PENDING)
        self._listeners[topic].add(queue)
        try:
            yield _each(queue)
        finally:
            self._listeners[topic].discard(queue)
            if not self._listeners[topic]:
                del self._listeners[topic]


async def _each(queue: asyncio.Queue[Event]) -> AsyncIterator[Event]:
    while True:
        yield await queue.get()


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


class DiskFiles:
    """Files below ``folder`` under the SHA-256 of their bytes; at most ``most`` bytes each."""

    def __init__(self, folder: Path, *, most: int, keys: Keys | None = None) -> None:
        self._folder = folder
        self._most = most
        self._keys = keys or Keys()

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
