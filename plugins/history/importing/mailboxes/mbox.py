"""The mails of an mbox file (RFC 4155), found and read without holding the file in memory.

`mailbox.mbox` remembers every line that begins with "From ", in Python objects: a hostile file of
such lines fills the memory, and an ordinary one takes ten times as long. Here such a line begins a
mail only behind a blank line and in front of a header; so an unquoted one in a text does no harm.
"""

from __future__ import annotations

import re
from array import array
from collections.abc import Iterator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import IO

from gateway import WarmlineError

CHUNK = 1 << 20
OVERLAP = 2_000
"""Bytes of the longest "From " line with its neighbours."""
MOST_MAILS = 2_000_000
"""Of one import: what is remembered of each takes 200 bytes."""
_BEGIN = re.compile(
    rb"(?:\A|(?<=\n\n)|(?<=\n\r\n))From [^\r\n]{1,1000}\r?\n(?=[A-Za-z][A-Za-z0-9-]{0,80}:|>?From )"
)
_QUOTED = re.compile(rb"^>(>*From )", re.MULTILINE)
_TIME = re.compile(rb"[A-Z][a-z]{2} [A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d(?: [A-Z+-]\w+)? \d{4}")


class MboxFile:
    """One mbox file. ``file`` is open and can seek; ``name`` is shown."""

    def __init__(self, file: IO[bytes], name: str) -> None:
        self._file, self.name = file, name
        self._starts, self._sizes = array("q"), array("q")

    def scan(self) -> Iterator[int]:
        """The number of each mail, in order. Raises WarmlineError when there are too many."""
        previous = -1
        for start in self._beginnings():
            if previous >= 0:
                yield self._note(previous, start)
            previous = start
        if previous >= 0:
            yield self._note(previous, self._file.seek(0, 2))

    def _note(self, start: int, end: int) -> int:
        if len(self._starts) >= MOST_MAILS:
            raise WarmlineError(
                f"{self.name} has more than {MOST_MAILS:,} mails; split it, or import its folders "
                "one by one"
            )
        self._starts.append(start)
        self._sizes.append(end - start)
        return len(self._starts) - 1

    def _beginnings(self) -> Iterator[int]:
        at, kept = 0, b""
        last = -1
        while True:
            self._file.seek(at + len(kept))
            more = self._file.read(CHUNK)
            if not more:
                return
            window = kept + more
            for found in _BEGIN.finditer(window):
                if found.start() == 0 and at:
                    continue  # only the beginning of the file counts as one
                if at + found.start() > last:
                    last = at + found.start()
                    yield last
            keep = min(OVERLAP, len(window))
            at, kept = at + len(window) - keep, window[-keep:]

    def size(self, number: int) -> int:
        return self._sizes[number]

    def read(self, number: int, most: int) -> tuple[bytes, datetime | None]:
        """The first ``most`` bytes of the mail, and the time in its "From " line."""
        self._file.seek(self._starts[number])
        raw = self._file.read(min(self._sizes[number], most + OVERLAP))
        line, _, rest = raw.partition(b"\n")
        return _QUOTED.sub(rb"\1", rest[:most]), _time(line)

    def place(self, number: int) -> str:
        return f"{self.name}, byte {self._starts[number]}"

    def close(self) -> None:
        self._file.close()


def is_mbox(path: Path) -> bool:
    """Whether the file begins as an mbox does."""
    with path.open("rb") as file:
        return bool(_BEGIN.match(file.read(OVERLAP)))


def _time(line: bytes) -> datetime | None:
    found = _TIME.search(line)
    if not found:
        return None
    words = found[0].decode("ascii").split()
    day, month, number, clock, year = (*words[:4], words[-1])
    try:
        at = parsedate_to_datetime(f"{day}, {number} {month} {year} {clock} +0000")
    except ValueError:
        return None
    return at.astimezone(UTC)
