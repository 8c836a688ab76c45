"""Which sites may show the chat; and those that were refused, so that a forgotten one is found."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path

import msgspec
import structlog

from gateway import Value, check_origin

MOST_REFUSED = 20
"""Sites that are remembered: anybody can make a browser name another one."""
REMEMBERED_DAYS = 14
"""Days after which a refused site is no longer told."""
FILE = "webchat-refused.json"

log = structlog.get_logger(__name__)


class RefusedSite(Value, frozen=True, kw_only=True):
    """A site whose pages tried to show the chat, and when for the last time."""

    origin: str
    at: datetime


class AllowedOrigins:
    """The sites that may show the chat. The first page of another one is logged, and kept in
    ``file`` for ``warmline doctor`` and ``warmline check``."""

    def __init__(
        self, origins: Iterable[str], *, setting: str, settings_file: str, file: Path | None
    ) -> None:
        """``setting``: the key to change, in ``settings_file``. ``file`` None: nothing is kept."""
        self._origins = frozenset(origins)
        self._setting, self._settings_file, self._file = setting, settings_file, file
        self._refused: set[str] = set()

    def __contains__(self, origin: str) -> bool:
        return origin in self._origins

    def fix(self, origin: str) -> str:
        """What to do so that pages of ``origin`` may show the chat."""
        try:
            check_origin(origin)
        except ValueError:
            return (
                "open the page through a web server (https://... or http://...): a browser gives a "
                "file no origin"
            )
        return (
            f'add "{origin}" to `{self._setting}` in {self._settings_file} (such as '
            f'`origins: ["{origin}"]`), and start the server again'
        )

    async def refuse(self, origin: str, now: datetime) -> None:
        """Remember that a page of ``origin`` was refused; the first time, log it."""
        if origin in self._refused or len(self._refused) >= MOST_REFUSED:
            return
        self._refused.add(origin)
        shown = origin[:200]
        log.warning("webchat.refused_origin", origin=shown, fix=self.fix(shown))
        if self._file is not None:
            await asyncio.to_thread(_keep, self._file, RefusedSite(origin=shown, at=now))


def _keep(file: Path, site: RefusedSite) -> None:
    known = [each for each in read_refused(file) if each.origin != site.origin]
    with suppress(OSError):  # a full disk: the log has it
        file.write_bytes(msgspec.json.encode([*known, site][-MOST_REFUSED:]))
        file.chmod(0o600)


def read_refused(file: Path) -> Sequence[RefusedSite]:
    """The sites in ``file``; none when it cannot be read."""
    try:
        return msgspec.json.decode(file.read_bytes(), type=list[RefusedSite])
    except (OSError, msgspec.DecodeError):
        return ()
