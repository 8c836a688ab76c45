"""The desk's pages with 100,000 conversations and 1,000,000 messages: p50 and p95 at the server.

The gateway and its desk run in this process, and one browser asks for one page after another. So a
figure has the time of the client, too, about two milliseconds. Each database is filled by bulk
inserts, which takes some minutes. ``cpu_p50`` is the processor time of this process alone, which
other load on the machine does not change.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from time import perf_counter, process_time
from unittest.mock import patch

import msgspec
import structlog
from aiohttp import ClientSession, CookieJar

from gateway.adapters.sql.engine.opening import migrate, open_database
from gateway.settings import PostgresSettings
from gateway.testing import FakeChannel, FakeHandler, running
from gateway.testing.databases import ON_POSTGRES, database_of
from plugins import agents_desk
from tests import postgres
from tests.agents_desk.conftest import Visit, as_config, user
from tests.agents_desk.conversations import JumpClock
from tests.bench.capacity.simulation import quantile
from tests.bench.desk_speed.filling import fill_postgres, fill_sqlite, index_sqlite
from tests.bench.desk_speed.pages import PAGES, addresses
from tests.bench.report import BenchError, Report, say

MOST = 100.0
"""Milliseconds that a page may take, at its 95th percentile."""
DATABASES = ("sqlite", "postgresql")
BRANDS = {
    "north": {"title": "North", "support_addresses": ["webchat", "email"]},
    "south": {"title": "South", "support_addresses": ["sms"]},
}


class SpeedPlan(msgspec.Struct, frozen=True, kw_only=True):
    """How many conversations there are, and how often each page is asked for."""

    conversations: int
    rounds: int


FULL = SpeedPlan(conversations=100_000, rounds=40)
QUICK = SpeedPlan(conversations=10_000, rounds=10)


def targets() -> tuple[str, ...]:
    return tuple(_name(database, page) for database in DATABASES for page in PAGES)


async def desk_speed(report: Report, folder: Path, plan: SpeedPlan = FULL) -> None:
    """Measure every page on each database and print the figures. WARMLINE_BENCH_PAGES, words
    between commas, restricts it to the pages whose names have one of them."""
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    wanted = os.environ.get("WARMLINE_BENCH_PAGES", "").split(",")
    pages = {name: path for name, path in PAGES.items() if any(word in name for word in wanted)}
    for database in DATABASES:
        place = folder / f"desk-speed-{database}"
        async with _filled(database, place, plan.conversations), _visit(place) as visit:
            for name, path in pages.items():
                await _measure(report, visit, _name(database, name), path, plan)
        shutil.rmtree(place, ignore_errors=True)
        for name in PAGES.keys() - pages.keys():
            report.not_run(_name(database, name), "not among WARMLINE_BENCH_PAGES")


async def _measure(report: Report, visit: Visit, name: str, path: str, plan: SpeedPlan) -> None:
    took: list[float] = []
    busy: list[float] = []
    for number, address in enumerate(addresses(path, plan.conversations, plan.rounds + 1)):
        begun, used = perf_counter(), process_time()
        answer = await visit.open(address)
        if number:  # the first one compiles its statement and its template
            took.append((perf_counter() - begun) * 1e3)
            busy.append((process_time() - used) * 1e3)
        if answer.status != 200:
            raise BenchError(f"{address} answered {answer.status}")
    took.sort()
    p50, p95 = quantile(took, 0.5), quantile(took, 0.95)
    report.cap(
        name, p95, "ms", MOST,
        p50=round(p50, 2), cpu_p50=round(quantile(sorted(busy), 0.5), 2), bytes=len(visit.page),
    )  # fmt: skip


def _name(database: str, page: str) -> str:
    return f"desk_{page}_p95_{database}"


@asynccontextmanager
async def _filled(database: str, place: Path, count: int) -> AsyncIterator[None]:
    """A database with ``count`` conversations for the gateway in ``place``."""
    await asyncio.to_thread((place / "var").mkdir, parents=True)
    begun = perf_counter()
    if database == "sqlite":
        file = place / "var" / "warmline.db"
        opened = open_database(f"sqlite:///{file}", PostgresSettings())
        await migrate(opened)
        await opened.stop()
        fill_sqlite(file, count)
        await index_sqlite(file.with_name("search.db"), count)
        with patch.dict(os.environ):
            os.environ.pop(ON_POSTGRES, None)
            say(f"sqlite: filled in {perf_counter() - begun:.0f} s")
            yield
        return
    with postgres.server() as server, patch.dict(os.environ, {ON_POSTGRES: server.url}):
        await fill_postgres(database_of(place, server.url), count)
        say(f"postgresql: filled in {perf_counter() - begun:.0f} s")
        yield


@asynccontextmanager
async def _visit(place: Path) -> AsyncIterator[Visit]:
    """A lead's browser at a gateway in ``place``."""
    channels = [FakeChannel(name) for name in ("webchat", "email", "sms")]
    config = {"brands": BRANDS, "plugins": {"agents_desk": {"users": [as_config(user("ana"))]}}}
    async with (
        running(
            agents_desk,
            FakeHandler(lambda turn: None),
            *channels,
            config=config,
            tmp_path=place,
            clock=JumpClock(),
        ) as gateway,
        ClientSession(cookie_jar=CookieJar(unsafe=True)) as http,
    ):
        visit = Visit(http, gateway.url)
        if (await visit.sign_in("ana")).url.path != "/desk":
            raise BenchError("the lead cannot sign in")
        yield visit


def main() -> None:
    plan = QUICK if os.environ.get("WARMLINE_BENCH_QUICK") == "1" else FULL
    report = Report(sys.stdout, targets())
    with report.closing(), tempfile.TemporaryDirectory(prefix="warmline-bench-") as name:
        asyncio.run(desk_speed(report, Path(name), plan))
    sys.exit(report.exit_code)


if __name__ == "__main__":
    main()
