"""Figures tell what happened, and what waits costs little to see."""

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
from tests.spine.conftest import ANSWER_ALL


@pytest.fixture
def easy(tmp_path: Path) -> dict[str, Any]:
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


def moody(turn: Turn) -> Reply | None:
    """Answers, unless it is told to break."""
    if turn.message.text == "break":
        raise ValueError("broken")
    return Reply(body=("Hello.",)) if turn.kind == "message" else None


async def test_each_guest_has_its_rate_errors_and_duration(
    tmp_path: Path, easy: dict[str, Any]
) -> None:
    """By kind and name: the handler that raised, the channel that could not send."""
    fake = FakeChannel()
    async with running(fake, FakeHandler(moody), config=easy, tmp_path=tmp_path) as gw:
        await gw.customer("fake", "carla").say("hi")
        fake.fail_with(Undeliverable("no such number"))
        await gw.customer("fake", "carla").say("hi again")
        with capture_logs():  # to draw this traceback with all its values takes seconds
            await gw.customer("fake", "dora").say("break")
        await gw.gateway.backlog.look(timedelta(0))
        seen = await scraped(gw)
    # What broke is asked once more, for the words of the hand-over.
    assert seen["warmline_work_seconds_count", ("handler", "fake_handler")] == 4
    assert seen["warmline_work_errors_total", ("handler", "fake_handler")] == 2
    assert seen["warmline_work_errors_total", ("channel", "fake")] == 1
    assert seen["warmline_turn_seconds_count", ("fake",)] >= 3
    assert seen["warmline_commit_units_count", ()] >= 6
    assert seen["warmline_waiting_rows", ("dead",)] == 1


async def test_what_waits_is_seen_with_its_age(tmp_path: Path, easy: dict[str, Any]) -> None:
    """The depth of the inbox and the age of its oldest row; a second look within five seconds
    costs no query."""
    clock = FakeClock()
    async with running(
        FakeChannel(), FakeHandler(moody), config=easy, tmp_path=tmp_path, clock=clock
    ) as gw:
        gw.gateway.incoming._stopping = True  # nothing is handled from now on
        for name in ("carla", "dora"):
            await gw.customer("fake", name).write("hi")
            await clock.advance(10)
        seen = await scraped(gw)
        assert seen["warmline_waiting_rows", ("inbox",)] == 2
        assert seen["warmline_oldest_seconds", ("inbox",)] == pytest.approx(20, abs=6)
        await gw.customer("fake", "emma").write("hi")
        assert (await scraped(gw))["warmline_waiting_rows", ("inbox",)] == 2
        await clock.advance(5)
        assert (await scraped(gw))["warmline_waiting_rows", ("inbox",)] == 3
        gw.gateway.incoming._stopping = False


async def test_who_waits_for_a_person_is_counted(tmp_path: Path) -> None:
    """Until somebody claims it."""
    async with running(FakeChannel(), FakeHandler(lambda _: None), tmp_path=tmp_path) as gw:
        await gw.customer("fake", "carla").say("help")
        look = gw.gateway.store.statistics.backlog
        assert (await look(gw.clock.now())).unclaimed.rows == 1
        await gw.desk_agent("ana").claim()
        assert (await look(gw.clock.now())).unclaimed.rows == 0


async def test_figures_that_cannot_be_had_do_not_hide_the_others(
    tmp_path: Path, easy: dict[str, Any]
) -> None:
    """The database fails: /metrics still answers."""
    async with running(FakeChannel(), FakeHandler(moody), config=easy, tmp_path=tmp_path) as gw:

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
async def test_a_look_reads_no_history(tmp_path: Path, name: str) -> None:
    """SQLite's plan goes by an index over what is still to be done, never over a whole table."""
    async with running(FakeChannel(), FakeHandler(moody), tmp_path=tmp_path) as gw:
        query = getattr(statistics, name)
        values = {"late": 0} if name == "_OVERDUE" else {}
        plan = await gw.gateway.database.read(
            lambda c: [row[-1] for row in c.execute(text(f"EXPLAIN QUERY PLAN {query}"), values)]
        )
        looks = [
            line
            for line in plan
            if line.startswith(("SCAN", "SEARCH")) and "w" not in line.split()[1:2]
        ]
        assert looks
        assert all("INDEX" in line or "PRIMARY KEY" in line for line in looks), plan


async def test_an_old_look_is_not_shown_for_ever(tmp_path: Path, easy: dict[str, Any]) -> None:
    """`look` gives what it saw until that is older than asked for."""
    clock = FakeClock()
    async with running(
        FakeChannel(), FakeHandler(moody), config=easy, tmp_path=tmp_path, clock=clock
    ) as gw:
        first = await gw.gateway.backlog.look()
        assert await gw.gateway.backlog.look() is first
        await clock.advance(1)
        assert await gw.gateway.backlog.look(timedelta(seconds=1)) is not first
