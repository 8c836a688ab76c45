"""Reading a folder of files, or one file."""

from __future__ import annotations

import asyncio
import hashlib
import os
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from pathlib import Path

from gateway import KnowledgeDocument, KnowledgeSource, WarmlineError
from plugins.knowledge.readers.blocks import UnreadableDocument
from plugins.knowledge.readers.reading import (
    OLD_OFFICE,
    SUFFIXES,
    DocumentFormat,
    DocumentReader,
    ReadRequest,
)
from plugins.knowledge.settings import CrawlLimits
from plugins.knowledge.sources.outcomes import (
    LocationOutcome,
    ReadLocation,
    SameLocation,
    SkippedLocation,
)
from plugins.knowledge.sources.urls import title_of_name

_QUIET = frozenset(
    {".yaml", ".yml", ".py", ".css", ".js", ".png", ".jpg", ".jpeg", ".gif", ".svg", ".ico"}
)
"""Endings of files that nobody expects to be read, and no summary names."""


class FolderWalk:
    """Walks through a folder, or reads one file (`SourceWalk`). Hidden files are left out, and so
    are links that lead out of the folder."""

    def __init__(
        self,
        source: KnowledgeSource,
        *,
        reader: DocumentReader,
        limits: CrawlLimits,
        conditional: bool,
    ) -> None:
        self._source, self._reader, self._limits = source, reader, limits
        self._conditional = conditional
        self._root = Path(source.location)
        self.cut_short = ""
        self.waiting = 0

    async def outcomes(
        self, known: Mapping[str, Sequence[KnowledgeDocument]]
    ) -> AsyncIterator[LocationOutcome]:
        """See `SourceWalk`."""
        files = await asyncio.to_thread(lambda: list(self._files()))
        self.waiting = len(files)
        total = 0
        for count, path in enumerate(files, 1):
            self.waiting -= 1
            location = self._location(path)
            if count > self._limits.pages:
                most = self._limits.pages
                self.cut_short = f"it has more than {most} files (`plugins.knowledge.limits.pages`)"
                return
            outcome, size = await self._outcome(path, location, known.get(location, ()))
            total += size
            yield outcome
            if total > self._limits.total_bytes:
                self.cut_short = f"it has more than {self._limits.total_bytes:,} bytes"
                return

    def _files(self) -> Iterator[Path]:
        """The files in order. Raises WarmlineError."""
        try:
            if not self._root.exists():
                raise WarmlineError(
                    f"{self._root} is not there; put it back, or remove the source with `warmline "
                    "knowledge remove`"
                )
            if self._root.is_file():
                yield self._root
                return
            root = self._root.resolve()
            for folder, folders, names in os.walk(root):
                folders[:] = sorted(name for name in folders if not name.startswith("."))
                for name in sorted(names):
                    path = Path(folder, name)
                    if name.startswith((".", "~$")) or path.suffix.lower() in _QUIET:
                        continue
                    if path.resolve().is_relative_to(root):
                        yield path
        except OSError as error:
            raise WarmlineError(
                f"{self._root} cannot be read ({error.strerror}); change its rights"
            ) from error

    def _location(self, path: Path) -> str:
        return (
            path.name if path == self._root else path.relative_to(self._root.resolve()).as_posix()
        )

    async def _outcome(
        self, path: Path, location: str, known: Sequence[KnowledgeDocument]
    ) -> tuple[LocationOutcome, int]:
        try:
            kind, data = await asyncio.to_thread(self._data, path)
            # A file's bytes tell as an ETag does whether it changed.
            etag = hashlib.sha256(data).hexdigest()
            current = [document for document in known if document.state == "current"]
            if self._conditional and current and all(d.etag == etag for d in current):
                return SameLocation(location=location), len(data)
            request = ReadRequest(
                data=data,
                format=kind,
                location=location,
                name=title_of_name(location),
                language=self._source.language,
            )
            results = await self._reader.read(request)
        except _NotOurs as error:
            return SkippedLocation(location=location, why=str(error)), 0
        except UnreadableDocument as error:
            return SkippedLocation(location=location, why=str(error), kind="failed"), 0
        documents = tuple(
            result.document.replace(etag=etag) for result in results if result.document.passages
        )
        if documents:
            return ReadLocation(location=location, documents=documents), len(data)
        return SkippedLocation(location=location, why="it has no text", kind="gone"), len(data)

    def _data(self, path: Path) -> tuple[DocumentFormat, bytes]:
        """The format and the bytes of a file. Raises UnreadableDocument."""
        suffix = path.suffix.lower()
        kind = SUFFIXES.get(suffix)
        if kind is None:
            instead = OLD_OFFICE.get(suffix)
            hint = f"; save it as {instead}" if instead else ""
            raise _NotOurs(f"files with the ending {suffix or '(none)'} are not read{hint}")
        try:
            with path.open("rb") as file:
                data = file.read(self._limits.file_bytes + 1)
        except OSError as error:
            raise UnreadableDocument(f"it cannot be read ({error.strerror})") from error
        if len(data) > self._limits.file_bytes:
            raise UnreadableDocument(
                f"it has more than {self._limits.file_bytes:,} bytes; split it"
            )
        return kind, data


class _NotOurs(UnreadableDocument):
    """A file of a format that no reader reads."""
