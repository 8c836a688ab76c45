"""The book of answers: opened anew when its files change, and only if they are sound."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import structlog

from gateway import BadConfig
from plugins.faq.answers import Answers

log = structlog.get_logger(__name__)
Stamp = tuple[tuple[int, int], ...]


class Book:
    """Gives the answers as they stand in the files.

    At most every ``look_every`` seconds, when asked, it looks whether a file changed; 0 means at
    every question. Changed files replace the answers as a whole; files with a mistake are logged
    and refused, and the old answers stay.
    """

    def __init__(
        self,
        paths: Sequence[Path],
        load: Callable[[Sequence[Path]], Answers],
        *,
        look_every: float,
    ) -> None:
        self._paths, self._load, self._every = tuple(paths), load, look_every
        self._stamp = _stamp(self._paths)
        self._answers = load(self._paths)
        self._looked = time.monotonic()
        self._looking = asyncio.Lock()

    async def open(self) -> Answers:
        """The answers now in force. Never raises for what is wrong in a file."""
        if time.monotonic() - self._looked >= self._every and not self._looking.locked():
            async with self._looking:
                await asyncio.to_thread(self._look)
        return self._answers

    def _look(self) -> None:
        self._looked = time.monotonic()
        stamp = _stamp(self._paths)
        if stamp == self._stamp:
            return
        # Kept before reading: a file with a mistake is refused once, not at every question.
        self._stamp = stamp
        try:
            self._answers = self._load(self._paths)
        except BadConfig as error:
            log.warning("faq.refused", problems=[str(problem) for problem in error.problems])
        else:
            log.info("faq.changed", answers=len(self._answers.said))


def _stamp(paths: Sequence[Path]) -> Stamp:
    found = []
    for path in paths:
        try:
            status = path.stat()
        except OSError:
            found.append((0, 0))
        else:
            found.append((status.st_mtime_ns, status.st_size))
    return tuple(found)
