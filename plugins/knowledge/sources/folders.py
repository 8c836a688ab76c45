"""Reading a folder of files, or one file."""

from __future__ import annotations

import asyncio
import hashlib
import os
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from pathlib import Path

from gateway import KnowledgeDocument, KnowledgeSource, WarmlineError
from plugins.knowledge.readers.blocks import UnreadableDocument
from plugins.knowledge.readers.reading import DocumentReader, OLD_OFFICE, SUFFIXES, ReadRequest
from plugins.knowledge.settings import CrawlLimits
from plugins.knowledge.sources.naming import title_of_name
from plugins.knowledge.sources.outcomes import (
    LocationOutcome,
    ReadLocation,
    SameLocation,
    SkippedLocation,
)

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
        suffix = path.suffix.lower()
        format = SUFFIXES.get(suffix)
        if format is None:
            instead = OLD_OFFICE.get(suffix)
            hint = f"; save it as {instead}" if instead else ""
            why = f"files with the ending {suffix or '(none)'} are not read{hint}"
            return SkippedLocation(location=location, why=why), 0
        try:
            data = await asyncio.to_thread(self._data, path)
        except OSError as error:
            why = f"it cannot be read ({error.strerror})"
            return SkippedLocation(location=location, why=why, kind="failed"), 0
        if data is None:
            why = f"it has more than {self._limits.file_bytes:,} bytes; split it"
            return SkippedLocation(location=location, why=why, kind="failed"), 0
        # A file's bytes tell as an ETag does whether it changed.
        etag = hashlib.sha256(data).hexdigest()
        current = [document for document in known if document.state == "current"]
        if self._conditional and current and all(document.etag == etag for document in current):
            return SameLocation(location=location), len(data)
        request = ReadRequest(
            data=data,
            format=format,
            location=location,
            name=title_of_name(location),
            language=self._source.language,
        )
        try:
            results = await self._reader.read(request)
        except UnreadableDocument as error:
            return SkippedLocation(location=location, why=str(error), kind="failed"), len(data)
        documents = tuple(
            result.document.replace(etag=etag) for result in results if result.document.passages
        )
        if not documents:
            skipped = SkippedLocation(location=location, why="it has no text", kind="gone")
            return skipped, len(data)
        return ReadLocation(location=location, documents=documents), len(data)

    def _data(self, path: Path) -> bytes | None:
        """The bytes of a file; None: there are too many."""
        with path.open("rb") as file:
            data = file.read(self._limits.file_bytes + 1)
        return data if len(data) <= self._limits.file_bytes else None
