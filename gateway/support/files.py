"""Files that people edit while the gateway runs: detects changes and reads them again."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Generic, TypeVar

import structlog

from gateway.settings import BadConfig

T = TypeVar("T")
Stamp = tuple[tuple[str, int, int], ...]
"""Path, time of the last change in nanoseconds, and size of each file."""

log = structlog.get_logger(__name__)


def yaml_files(paths: Iterable[Path]) -> list[Path]:
    """``paths`` with each folder replaced by the YAML files in and below it, sorted."""
    return [
        file
        for path in paths
        for file in (sorted(path.rglob("*.y*ml")) if path.is_dir() else (path,))
    ]


class FileWatcher:
    """Detects changes to files. A folder stands for all YAML files in and below it."""

    def __init__(self, paths: Iterable[Path]) -> None:
        self._paths = tuple(paths)
        self._stamp = self._look()

    def changed(self) -> bool:
        """Whether a file was changed, added or removed since the last call (or since this was
        made). Compares times and sizes; blocks while it asks the file system."""
        before, self._stamp = self._stamp, self._look()
        return before != self._stamp

    def _look(self) -> Stamp:
        return tuple(_stamp(file) for file in yaml_files(self._paths))


class ReloadedFiles(Generic[T]):
    """The value that ``load`` returns for files, loaded again after they change.

    New files replace the value as a whole. If they have a mistake, it is logged once, with file
    and line, and the old value stays.
    """

    def __init__(
        self,
        paths: Sequence[Path],
        load: Callable[[Sequence[Path]], T],
        *,
        name: str,
        every: float = 0.0,
    ) -> None:
        """Load the files. Raises BadConfig, as ``load`` does for a file with a mistake.

        ``name`` begins the names of log events (``faq`` gives ``faq.changed``, ``faq.refused``);
        ``every`` is how many seconds `current` lets pass between two looks at the files.
        """
        self._paths, self._load = tuple(paths), load
        self._name, self._every = name, every
        self._watcher = FileWatcher(self._paths)
        self.value = load(self._paths)
        self._looked = time.monotonic()
        self._looking = asyncio.Lock()

    async def current(self) -> T:
        """The value, after a look at the files if the last one is long enough ago. Never raises
        for a mistake in a file; the files are read in a thread."""
        if time.monotonic() - self._looked >= self._every and not self._looking.locked():
            async with self._looking:
                await asyncio.to_thread(self.refresh)
        return self.value

    async def reload(self) -> bool:
        """Load the files again though they have not changed, because ``load`` has. As `refresh`
        otherwise; they are read in a thread."""
        async with self._looking:
            return await asyncio.to_thread(self.refresh, changed=True)

    def refresh(self, *, changed: bool = False) -> bool:
        """Read the files again if they have changed. True when ``value`` is a new one."""
        self._looked = time.monotonic()
        if not self._watcher.changed() and not changed:
            return False
        try:
            value = self._load(self._paths)
        except BadConfig as error:
            problems = [str(problem) for problem in error.problems]
            log.warning(f"{self._name}.refused", problems=problems)  # noqa: G004
            return False
        if value == self.value:
            return False
        self.value = value
        log.info(f"{self._name}.changed", files=len(self._paths))  # noqa: G004
        return True


def _stamp(file: Path) -> tuple[str, int, int]:
    try:
        status = file.stat()
    except OSError:
        return str(file), 0, 0
    return str(file), status.st_mtime_ns, status.st_size
