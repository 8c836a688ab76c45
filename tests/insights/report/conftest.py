"""A month of made-up conversations in a database, and the report on it."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from gateway.adapters.sql.engine.opening import migrate
from gateway.adapters.sql.engine.sqlite import SqliteDatabase
from gateway.adapters.sql.queries import SqlQueries
from gateway.adapters.sql.storage import SqlPluginStorage
from gateway.testing import FakeClock
from plugins.insights.model import Discovery, MaskedExample
from plugins.insights.report.compose import compose
from plugins.insights.report.material import ReportMaterial
from plugins.insights.report.searching import FoundThings
from plugins.insights.report.service import report_service
from plugins.insights.report.values import Report, ReportQuery
from plugins.insights.settings import InsightsSettings
from tests.bench.insights.fill import fill

SINCE, UNTIL = date(2026, 4, 1), date(2026, 4, 30)
FOUND = FoundThings(
    since=SINCE,
    until=UNTIL,
    findings=(
        Discovery(
            kind="phrase_hurts",
            title="After “as per our policy” moods fall",
            evidence={"uses": 64, "z": 4.1, "languages": ["en", "de"]},
            examples=(MaskedExample(conversation=3, text="<b>Policy?</b> My parcel is gone."),),
            proposal="P7",
        ),
        Discovery(kind="unanswered_question", title="Gift cards for another country"),
        Discovery(kind="rewritten_answer", title="Agents rewrite the answer on refunds"),
    ),
)


class StoredServices:
    """The services that reports use, on a database without a gateway."""

    encoder = voice = None

    def __init__(self, database: SqliteDatabase) -> None:
        self.brands: dict[str, str] = {}
        self.clock = FakeClock(datetime(2026, 6, 15, tzinfo=UTC))
        self.storage = SqlPluginStorage(database, self.clock)
        self.records = SqlQueries(database)


async def _measured(folder: Path) -> ReportMaterial:
    database = SqliteDatabase(folder / "month.db")
    await migrate(database)
    await fill(database, 3_500, days=61)
    services: Any = StoredServices(database)
    service = report_service(services, InsightsSettings())
    await service.measures.refresh()
    made = await service.builder.material(ReportQuery(since=SINCE, until=UNTIL), FOUND)
    await database.stop()
    return made


@pytest.fixture(scope="session")
def material(tmp_path_factory: pytest.TempPathFactory) -> ReportMaterial:
    """What is measured of April, with March before."""
    folder = tmp_path_factory.mktemp("month")
    with ThreadPoolExecutor(1) as other_thread:  # this one may have an event loop
        return other_thread.submit(asyncio.run, _measured(folder)).result()


@pytest.fixture(scope="session")
def report(material: ReportMaterial) -> Report:
    return compose(material)
