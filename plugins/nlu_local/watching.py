"""The examples as they stand in the files, looked at again and again."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TypeAlias

import structlog

from gateway import BadConfig

from .knowledge import Row, files_of, read_knowledge

Stamp: TypeAlias = tuple[tuple[str, int, int], ...]

log = structlog.get_logger(__name__)


class Knowledge:
    """Files (or folders of them) with examples. Made by reading them: raises BadConfig."""

    def __init__(self, paths: Sequence[Path]) -> None:
        self._paths = tuple(paths)
        self._stamp = _stamp(self._paths)
        self.rows = tuple(read_knowledge(self._paths))

    def look(self) -> tuple[Row, ...] | None:
        """The new examples when files have changed, else None. Files with a mistake are refused
        as a whole, once, with file and line in the log; the examples then stay as they were."""
        stamp = _stamp(self._paths)
        if stamp == self._stamp:
            return None
        self._stamp = stamp
        try:
            rows = tuple(read_knowledge(self._paths))
        except BadConfig as error:
            log.warning("nlu.refused", problems=[str(problem) for problem in error.problems])
            return None
        if rows == self.rows:
            return None
        self.rows = rows
        return rows


def _stamp(paths: Sequence[Path]) -> Stamp:
    found = []
    for path, _ in files_of(paths):
        try:
            stat = path.stat()
        except OSError:
            found.append((str(path), 0, 0))
        else:
            found.append((str(path), stat.st_mtime_ns, stat.st_size))
    return tuple(found)
