"""A month of a million messages: how long its facts, its figures, the pages of the report and the
whole report take, and how much memory.

Wall-clock times are those of a machine with nothing else to do; the processor's time is given
beside them, since that does not depend on others.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import resource
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import msgspec
import psutil

from gateway import Agent, DeskPageRequest
from gateway.adapters.sql.engine.opening import migrate
from gateway.adapters.sql.engine.sqlite import SqliteDatabase
from gateway.adapters.sql.queries import SqlQueries
from gateway.adapters.sql.storage import SqlPluginStorage
from gateway.testing import FakeClock
from plugins.insights.measures.service import Measures
from plugins.insights.measures.values import MeasuredPeriod
from plugins.insights.report.asking import FILTERS
from plugins.insights.report.pages import ReportPages
from plugins.insights.settings import InsightsSettings
from tests.bench.insights.fill import fill
from tests.bench.report import Report, say

DERIVE, FIGURES, MEMORY = "insights.derive", "insights.figures", "insights.memory"
PAGES, REPORT, REPORT_MEMORY = "insights.pages", "insights.report", "insights.report_memory"
TARGETS = (DERIVE, FIGURES, MEMORY, PAGES, REPORT, REPORT_MEMORY)
FULL, QUICK = 1_000_000, 20_000
"""Messages."""
SINCE, UNTIL = date(2026, 3, 1), date(2026, 3, 31)


LEAD = Agent(id="desk:ana", name="Ana")
OF_EACH = 2
"""Values of each filter whose pages are opened: those with the most conversations."""
CONFIG = """
data_dir: {folder}
brand_voice: {{}}
channels: {{rest: {{open: true}}}}
plugins: {{insights: {{}}, nlu_local: {{}}}}
"""


class _Services:
    """The services that measures and the pages of the report use."""

    encoder = voice = None
    brands: Mapping[str, str] = {}

    def __init__(self, database: SqliteDatabase) -> None:
        self.clock = FakeClock(datetime(2026, 5, 15, tzinfo=UTC))
        self.storage = SqlPluginStorage(database, self.clock)
        self.records = SqlQueries(database)


def measure_insights(report: Report, messages: int) -> None:
    """Report the figures of a database with so many messages. It is filled by another process,
    whose memory does not count."""
    with tempfile.TemporaryDirectory(prefix="warmline-bench-") as folder:
        file = Path(folder) / "warmline.db"
        say(f"filling a database with {messages:,} messages")
        filling = multiprocessing.get_context("spawn").Process(target=_fill, args=(file, messages))
        filling.start()
        filling.join()
        asyncio.run(_measure(report, file))
        _measure_command(report, Path(folder))


def _fill(file: Path, messages: int) -> None:
    async def run() -> None:
        database = SqliteDatabase(file)
        await migrate(database)
        await fill(database, messages)
        await database.stop()

    asyncio.run(run())


async def _measure(report: Report, file: Path) -> None:
    database = SqliteDatabase(file)
    services: Any = _Services(database)
    measures = Measures(services, InsightsSettings())
    with _sampled_memory() as memory:
        with _timed() as derived:
            await measures.refresh()
        with _timed() as first:
            found = await measures.between(SINCE, UNTIL)
    totals = msgspec.to_builtins(found.totals)
    report.bound(DERIVE, derived.wall, "s", 45.0, processor=derived.processor, **totals)
    report.bound(FIGURES, first.wall, "s", 3.0, processor=first.processor)
    for name, work in (
        ("insights.figures_again", measures.between(SINCE, UNTIL)),
        ("insights.refresh_without_news", measures.refresh()),
        ("insights.team_load", measures.load.team(SINCE, UNTIL)),
    ):
        with _timed() as timed:
            await work
        report.figure(name, timed.wall, "s", processor=timed.processor)
    report.bound(MEMORY, max(memory), "MB", 500.0)
    await _measure_pages(report, services, found)
    await database.stop()


async def _measure_pages(report: Report, services: Any, found: MeasuredPeriod) -> None:
    """Open ``/desk/report`` without a filter, and then with each that it offers. Nothing of these
    days was measured before by this page, as after a start."""
    page, *_ = ReportPages(settings=InsightsSettings()).desk_pages(services)
    days = {"from": f"{SINCE}", "to": f"{UNTIL}"}
    with _timed() as first:
        await page.show(_opened(days))
    report.figure("insights.first_page", first.wall, "s", processor=first.processor)
    slowest = _Time()
    slowest_page, times = "", []
    for name, dimension in FILTERS.items():
        groups = found.by.get(dimension, {})
        ranked = sorted(groups, key=lambda value: -groups[value].totals.conversations)
        for value in [value for value in ranked if value][:OF_EACH]:
            with _timed() as timed:
                await page.show(_opened({**days, name: value}))
            times.append(timed.wall)
            if timed.wall > slowest.wall:
                slowest, slowest_page = timed, f"{name}={value}"
    report.bound(
        PAGES,
        slowest.wall,
        "s",
        0.5,
        processor=slowest.processor,
        page=slowest_page,
        median=statistics.median(times),
        pages=len(times),
    )


def _opened(query: Mapping[str, str]) -> DeskPageRequest:
    return DeskPageRequest(agent=LEAD, rights=frozenset({"see_all"}), query=query)


def _measure_command(report: Report, folder: Path) -> None:
    """The whole ``warmline report`` on what is derived already, with findings."""
    config = folder / "warmline.yaml"
    config.write_text(CONFIG.format(folder=folder), "utf-8")
    command = [str(Path(sys.executable).with_name("warmline")), "report", "--config", str(config)]
    command += ["--from", f"{SINCE}", "--to", f"{UNTIL}", "--out", str(folder / "report")]
    idle = psutil.Process().memory_info().rss / 2**20
    with _sampled_memory() as memory, _timed() as timed:
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    report.bound(REPORT, timed.wall, "s", 60.0, processor=timed.processor)
    report.bound(REPORT_MEMORY, max(memory) - idle, "MB", 500.0)


@contextmanager
def _sampled_memory() -> Iterator[list[float]]:
    """Samples of the memory in MB of this process and those that it has started."""
    samples: list[float] = []
    done = threading.Event()

    def sample() -> None:
        own = psutil.Process()
        while not done.wait(0.1):
            with suppress(psutil.NoSuchProcess):
                together = (own, *own.children(recursive=True))
                samples.append(sum(one.memory_info().rss for one in together) / 2**20)

    thread = threading.Thread(target=sample)
    thread.start()
    try:
        yield samples
    finally:
        done.set()
        thread.join()


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
