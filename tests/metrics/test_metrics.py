"""The metrics: what happened and what waits, read at little cost."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import text
from structlog.testing import capture_logs

from gateway import Reply, Turn, Undeliverable
from gateway.adapters.sql import statistics
from gateway.testing import FakeChannel, FakeClock, FakeHandler, RunningGateway, running
from tests.spine.conftest import ANSWER_ALL, paused_worker


@pytest.fixture
def answer_all(tmp_path: Path) -> dict[str, Any]:
    file = tmp_path / "policy.yaml"
    file.write_text(ANSWER_ALL, "utf-8")
    return {"policy": str(file)}


async def scraped(gw: RunningGateway) -> dict[tuple[str, tuple[str, ...]], float]:
    """Every sample of /metrics by its name and the values of its labels."""
    async with gw.session() as session, session.get("/metrics") as answer:
        families = text_string_to_metric_families(await answer.text())
    return {
        (sample.name, tuple(sample.labels.values())): sample.value
        for family in families
        for sample in family.samples
    }


def fragile(turn: Turn) -> Reply | None:
    """Answers, and raises for the message ``break``."""
    if turn.message.text == "break":
        raise ValueError("broken")
    return Reply(body=("Hello.",)) if turn.kind == "message" else None


async def test_each_plugin_has_its_rate_errors_and_duration(
    tmp_path: Path, answer_all: dict[str, Any]
) -> None:
    """By kind and name: the handler that raised, the channel that could not send."""
    fake = FakeChannel()
    async with running(fake, FakeHandler(fragile), config=answer_all, tmp_path=tmp_path) as gw:
        await gw.customer("fake", "carla").say("hi")
        fake.fail_with(Undeliverable("no such number"))
        await gw.customer("fake", "carla").say("hi again")
        with capture_logs():  # rendering this traceback with all its values takes seconds
            await gw.customer("fake", "dora").say("break")
        await gw.gateway.backlog.read(timedelta(0))
        samples = await scraped(gw)
    # The handler that raised is called again, for the hand-over reply.
    assert samples["warmline_work_seconds_count", ("handler", "fake_handler")] == 4
    assert samples["warmline_work_errors_total", ("handler", "fake_handler")] == 2
    assert samples["warmline_work_errors_total", ("channel", "fake")] == 1
    assert samples["warmline_turn_seconds_count", ("fake",)] >= 3
    assert samples["warmline_commit_units_count", ()] >= 6
    assert samples["warmline_waiting_rows", ("dead",)] == 1


async def test_waiting_rows_are_shown_with_their_age(
    tmp_path: Path, answer_all: dict[str, Any]
) -> None:
    """The number of inbox rows and the age of the oldest; a second scrape within five seconds
    shows the same numbers without a query."""
    clock = FakeClock()
    async with (
        running(
            FakeChannel(), FakeHandler(fragile), config=answer_all, tmp_path=tmp_path, clock=clock
        ) as gw,
        paused_worker(gw),
    ):
        for name in ("carla", "dora"):
            await gw.customer("fake", name).write("hi")
            await clock.advance(10)
        samples = await scraped(gw)
        assert samples["warmline_waiting_rows", ("inbox",)] == 2
        assert samples["warmline_oldest_seconds", ("inbox",)] == pytest.approx(20, abs=6)
        await gw.customer("fake", "emma").write("hi")
        assert (await scraped(gw))["warmline_waiting_rows", ("inbox",)] == 2
        await clock.advance(5)
        assert (await scraped(gw))["warmline_waiting_rows", ("inbox",)] == 3


async def test_unclaimed_handoffs_are_counted(tmp_path: Path) -> None:
    """A handoff counts until an agent claims it."""
    async with running(FakeChannel(), FakeHandler(lambda _: None), tmp_path=tmp_path) as gw:
        await gw.customer("fake", "carla").say("help")
        backlog = gw.gateway.store.statistics.backlog
        assert (await backlog(gw.clock.now())).unclaimed.rows == 1
        await gw.desk_agent("ana").claim()
        assert (await backlog(gw.clock.now())).unclaimed.rows == 0


async def test_metrics_are_served_without_the_backlog(
    tmp_path: Path, answer_all: dict[str, Any]
) -> None:
    """When the database fails, /metrics still serves the counters."""
    async with running(
        FakeChannel(), FakeHandler(fragile), config=answer_all, tmp_path=tmp_path
    ) as gw:

        async def broken(_: object) -> Any:
            raise OSError("gone")

        gw.gateway.store.statistics.backlog = broken  # type: ignore[method-assign]
        await gw.customer("fake", "carla").say("hi")
        assert (await scraped(gw))["warmline_accepted_total", ("fake",)] == 1


@pytest.mark.sqlite
@pytest.mark.parametrize(
    "name",
    [
        "_INBOX",
        "_STUCK",
        "_OUTBOX",
        "_UNDELIVERED",
        "_HOOKS",
        "_HOOKS_DEAD",
        "_UNCLAIMED",
        "_OVERDUE",
    ],
)
async def test_backlog_queries_use_partial_indexes(tmp_path: Path, name: str) -> None:
    """SQLite's plan uses an index over what is still to be done, and never scans a table."""
    async with running(FakeChannel(), FakeHandler(fragile), tmp_path=tmp_path) as gw:
        query = getattr(statistics, name)
        values = {"late": 0} if name == "_OVERDUE" else {}
        plan = await gw.gateway.database.read(
            lambda c: [row[-1] for row in c.execute(text(f"EXPLAIN QUERY PLAN {query}"), values)]
        )
        steps = [
            line
            for line in plan
            if line.startswith(("SCAN", "SEARCH")) and "w" not in line.split()[1:2]
        ]
        assert steps
        assert all("INDEX" in line or "PRIMARY KEY" in line for line in steps), plan


async def test_the_cached_backlog_expires(tmp_path: Path, answer_all: dict[str, Any]) -> None:
    """`read` returns the cached backlog until it is older than ``max_age``."""
    clock = FakeClock()
    async with running(
        FakeChannel(), FakeHandler(fragile), config=answer_all, tmp_path=tmp_path, clock=clock
    ) as gw:
        first = await gw.gateway.backlog.read()
        assert await gw.gateway.backlog.read() is first
        await clock.advance(1)
        assert await gw.gateway.backlog.read(timedelta(seconds=1)) is not first
