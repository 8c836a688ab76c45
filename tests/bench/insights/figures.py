"""A month of a million messages: how long its facts and figures take, and how much memory.

Wall-clock times are those of a machine with nothing else to do; the processor's time is given
beside them, since that does not depend on others.
"""

from __future__ import annotations

import asyncio
import resource
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from gateway.adapters.sql.engine.opening import migrate
from gateway.adapters.sql.engine.sqlite import SqliteDatabase
from gateway.adapters.sql.queries import SqlQueries
from gateway.adapters.sql.storage import SqlPluginStorage
from gateway.testing import FakeClock
from plugins.insights.measures.service import Measures
from plugins.insights.settings import InsightsSettings
from tests.bench.insights.fill import fill
from tests.bench.report import Report, say

DERIVE, FIGURES, MEMORY = "insights.derive", "insights.figures", "insights.memory"
TARGETS = (DERIVE, FIGURES, MEMORY)
FULL, QUICK = 1_000_000, 20_000
"""Messages."""
SINCE, UNTIL = date(2026, 3, 1), date(2026, 3, 31)


class _Services:
    """The services that measures use."""

    encoder = None

    def __init__(self, database: SqliteDatabase) -> None:
        self.clock = FakeClock(datetime(2026, 5, 15, tzinfo=UTC))
        self.storage = SqlPluginStorage(database, self.clock)
        self.records = SqlQueries(database)


def measure_insights(report: Report, messages: int) -> None:
    """Report the figures of a database with so many messages."""
    with tempfile.TemporaryDirectory(prefix="warmline-bench-") as folder:
        asyncio.run(_measure(report, Path(folder), messages))


async def _measure(report: Report, folder: Path, messages: int) -> None:
    database = SqliteDatabase(folder / "month.db")
    await migrate(database)
    say(f"filling a database with {messages:,} messages")
    conversations, stored = await fill(database, messages)
    services: Any = _Services(database)
    measures = Measures(services, InsightsSettings())
    with _timed() as derived:
        await measures.refresh()
    more = {"messages": stored, "conversations": conversations}
    report.bound(DERIVE, derived.wall, "s", 45.0, processor=derived.processor, **more)
    with _timed() as first:
        await measures.between(SINCE, UNTIL)
    report.bound(FIGURES, first.wall, "s", 3.0, processor=first.processor)
    for name, work in (
        ("insights.figures_again", measures.between(SINCE, UNTIL)),
        ("insights.refresh_without_news", measures.refresh()),
        ("insights.team_load", measures.load.team(SINCE, UNTIL)),
    ):
        with _timed() as timed:
            await work
        report.figure(name, timed.wall, "s", processor=timed.processor)
    report.bound(MEMORY, _memory(), "MB", 500.0)
    await database.stop()


class _Time:
    """Seconds by the clock, and of the processor in this process and those that ended."""

    wall = processor = 0.0


@contextmanager
def _timed() -> Iterator[_Time]:
    found = _Time()
    began, worked = time.perf_counter(), _processor()
    yield found
    found.wall, found.processor = time.perf_counter() - began, _processor() - worked


def _processor() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def _memory() -> float:
    """The most memory in MB: of this process, and of the largest that derived for it."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_maxrss for one in used) / 1024
