"""Measures the facts and figures of a database with a million messages, as a report needs them."""

from __future__ import annotations

import resource
import time
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


class _Services:
    """The services that measures use."""

    encoder = None

    def __init__(self, database: SqliteDatabase) -> None:
        self.clock = FakeClock(datetime(2026, 5, 15, tzinfo=UTC))
        self.storage = SqlPluginStorage(database, self.clock)
        self.records = SqlQueries(database)


async def measure(folder: Path, messages: int) -> dict[str, float]:
    database = SqliteDatabase(folder / "month.db")
    await migrate(database)
    conversations, stored = await fill(database, messages)
    found: dict[str, float] = {"conversations": conversations, "messages": stored}
    services: Any = _Services(database)
    measures = Measures(services, InsightsSettings())
    found["memory_before"] = _memory()
    began = time.perf_counter()
    await measures.refresh()
    found["derive_seconds"] = time.perf_counter() - began
    found["memory_derived"] = _memory()
    for name in ("figures_seconds_first", "figures_seconds"):
        began = time.perf_counter()
        await measures.between(date(2026, 3, 1), date(2026, 3, 31))
        found[name] = time.perf_counter() - began
    began = time.perf_counter()
    await measures.refresh()
    found["refresh_seconds"] = time.perf_counter() - began
    found["memory"] = _memory()
    await database.stop()
    return found


def _memory() -> float:
    """The most memory of this process so far, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
