"""``warmline`` with a clock that looks where it is: ``python -m tests.bench.capacity.watched FILE
serve ...``.

Each `EVERY` seconds of this process's processor time the innermost frame that belongs to a stage
is counted. SIGUSR1 begins anew; SIGUSR2 writes to FILE how often each stage was seen, in JSON.
"""

from __future__ import annotations

import signal
import sys
from collections import Counter
from pathlib import Path
from types import FrameType

import msgspec

from gateway.cli import main

EVERY = 0.002
STAGES: tuple[tuple[str, str], ...] = (
    ("/structlog/", "logs, figures, traces"),
    ("/prometheus_client/", "logs, figures, traces"),
    ("gateway/runtime/metrics.py", "logs, figures, traces"),
    ("gateway/adapters/sql/inbox.py", "accept"),
    ("gateway/pipeline/intake.py", "accept"),
    ("gateway/runtime/load_shedding.py", "accept"),
    ("gateway/adapters/sql/turns/fetch.py", "take"),
    ("gateway/adapters/sql/turns/commit.py", "commit"),
    ("gateway/adapters/sql/turns/side_effects.py", "commit"),
    ("gateway/adapters/sql/outbox.py", "send"),
    ("gateway/adapters/sql/engine/sqlite.py", "transactions"),
    ("gateway/adapters/sql/engine/postgres", "transactions"),
    ("/asyncpg/", "transactions"),
    ("gateway/adapters/redis", "redis"),
    ("/redis/", "redis"),
    ("plugins/nlu_local/", "understand, this side"),
    ("gateway/pipeline/understanding.py", "understand, this side"),
    ("gateway/pipeline/context.py", "context"),
    ("plugins/context_history", "context"),
    ("gateway/routing/route.py", "route"),
    ("brand_voice/", "voice"),
    ("gateway/pipeline/answering.py", "answer"),
    ("gateway/pipeline/outcomes.py", "answer"),
    ("plugins/", "answer"),
    ("gateway/pipeline/delivery.py", "send"),
    ("gateway/pipeline/worker.py", "worker and lanes"),
    ("gateway/pipeline/turn.py", "worker and lanes"),
    ("gateway/runtime/dispatch.py", "worker and lanes"),
    ("gateway/web/", "HTTP"),
    ("channels/", "HTTP"),
    ("/aiohttp/", "HTTP"),
    ("/asyncio/", "event loop"),
)
"""Where a file's name has this, its work is of that stage; the first that fits. What serves several
stages (rows, statements, the driver of SQLite) is not here: it belongs to whoever called it."""
REST = "other"


class Watch:
    """Counts where the processor is."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._seen: Counter[str] = Counter()
        self._known: dict[str, str | None] = {}

    def begin(self) -> None:
        signal.signal(signal.SIGPROF, self._look)
        signal.signal(signal.SIGUSR1, lambda *_: self._seen.clear())
        signal.signal(signal.SIGUSR2, lambda *_: self._write())
        signal.setitimer(signal.ITIMER_PROF, EVERY, EVERY)

    def _look(self, _: int, frame: FrameType | None) -> None:
        while frame is not None:
            if stage := self._stage(frame.f_code.co_filename):
                break
            frame = frame.f_back
        self._seen[stage if frame is not None and stage else REST] += 1

    def _stage(self, file: str) -> str | None:
        if file not in self._known:
            self._known[file] = stage_of(file)
        return self._known[file]

    def _write(self) -> None:
        aside = self._file.with_suffix(".new")
        aside.write_bytes(msgspec.json.encode(self._seen))
        aside.replace(self._file)


def stage_of(file: str) -> str | None:
    """The stage that the code of this file belongs to; None if it serves several."""
    return next((stage for part, stage in STAGES if part in file), None)


if __name__ == "__main__":
    Watch(Path(sys.argv[1])).begin()
    sys.argv = ["warmline", *sys.argv[2:]]
    main()
