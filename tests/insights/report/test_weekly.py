"""The weekly report: once a week, also after a downtime, with a digest without customers' words."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from gateway import (
    Digest,
    HttpRoutes,
    Poller,
    Reply,
    Services,
    Settings,
    WebhookSubscriber,
    hookimpl,
)
from gateway.testing import FakeChannel, FakeClock, FakeHandler, RunningGateway, running
from plugins import insights
from plugins.insights.model import Discovery, MaskedExample
from plugins.insights.report import weekly
from plugins.insights.report.archive import PLUGIN, ReportArchive, WeeklyResult
from plugins.insights.report.digest import digest_of
from plugins.insights.report.searching import FindingSearch, FoundThings
from plugins.insights.report.settings import ReportSettings
from plugins.insights.report.values import Report
from plugins.insights.report.weekly import WeeklyReport, due_day
from plugins.insights.settings import InsightsSettings
from tests.conftest import until

THURSDAY = datetime(2026, 11, 26, 12, 0, tzinfo=UTC)
MONDAY = datetime(2026, 11, 30, 7, 0, tzinfo=UTC)
WEEK = (date(2026, 11, 23), date(2026, 11, 29))


class Mailbag:
    """Receives digests."""

    def __init__(self, *brands: str) -> None:
        self.brands = brands
        self.digests: list[Digest] = []

    def receives_digests(self, brand: str) -> bool:
        return brand in self.brands

    async def receive_digest(self, digest: Digest, services: Services) -> None:
        if digest.id not in [known.id for known in self.digests]:
            self.digests.append(digest)

    @hookimpl
    def register_routes(
        self,
        register: Callable[[HttpRoutes | Poller | WebhookSubscriber], None],
        settings: Settings,
    ) -> None:
        register(self)  # type: ignore[arg-type]  # only passes digests on


@pytest.fixture
def bag() -> Mailbag:
    return Mailbag("")


@pytest.fixture(autouse=True)
def found(monkeypatch: pytest.MonkeyPatch) -> FoundThings:
    """What every search finds: an example of the first conversation."""
    finding = Discovery(
        kind="unanswered_question",
        title="A question about lamps",
        examples=(
            MaskedExample(conversation=1, text="zanzibar lamp?"),
            MaskedExample(conversation=999, text="of an erased conversation"),
        ),
        evidence={
            "messages": 20,
            "versions": [{"conversation": 1, "draft": "A lamp", "sent": "zanzibar as sent"}],
        },
    )
    things = FoundThings(since=WEEK[0], until=WEEK[1], findings=(finding,))

    async def search(self: FindingSearch, since: date, until: date) -> FoundThings:
        return things

    monkeypatch.setattr(FindingSearch, "search", search)
    return things


@asynccontextmanager
async def shop(
    tmp_path: Path, bag: Mailbag, clock: FakeClock, **report: Any
) -> AsyncIterator[RunningGateway]:
    config = {"plugins": {"insights": {"report": report}}}
    plugins = (
        insights,
        bag,
        FakeHandler(lambda turn: Reply(body=("A person will read it.",))),
        FakeChannel(),
    )
    async with running(*plugins, tmp_path=tmp_path, config=config, clock=clock) as gw:
        yield gw


async def stored(gw: RunningGateway) -> list[str]:
    return [row.key for row in await gw.services.storage.scan(PLUGIN, "report/")]


def files_with(folder: Path, words: bytes) -> list[Path]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return [path for path in files if words in path.read_bytes()]


@pytest.mark.parametrize(
    ("now", "due"),
    [
        ("2026-11-30T07:00", "2026-11-30"),
        ("2026-11-30T06:59", "2026-11-23"),
        ("2026-12-06T23:59", "2026-11-30"),
        ("2026-12-07T07:00", "2026-12-07"),
    ],
)
def test_a_report_is_due_on_its_day_from_its_hour(now: str, due: str) -> None:
    assert due_day(datetime.fromisoformat(now), ReportSettings()) == date.fromisoformat(due)


async def test_each_week_is_reported_once(tmp_path: Path, bag: Mailbag) -> None:
    """With a digest, also when the server is started again."""
    clock = FakeClock(THURSDAY)
    for _ in range(2):
        async with shop(tmp_path, bag, clock) as gw:
            if not bag.digests:
                await gw.customer("fake", "ana").say("my zanzibar lamp is broken")
                await gw.pass_time((MONDAY - THURSDAY).total_seconds())
            await gw.pass_time(weekly.FIRST_LOOK)
            await gw.pass_time(weekly.LOOK_EVERY)
            await until(lambda: bag.digests)
            await gw.pass_time(weekly.LOOK_EVERY)
            assert await stored(gw) == ["report/2026-11-29"]
    (digest,) = bag.digests
    assert digest.id == "report-2026-11-29"
    assert digest.title == "The week, 23 to 29 November 2026"
    assert digest.lines[0] == "1 conversation, 2 messages."
    assert digest.lines[-1] == "Findings: 1 × unanswered question."
    assert len(digest.lines) <= 8
    assert "zanzibar" not in str(digest)


async def test_a_week_that_was_missed_is_made_up_for(tmp_path: Path, bag: Mailbag) -> None:
    """The server was down on Monday."""
    clock = FakeClock(THURSDAY)
    async with shop(tmp_path, bag, clock) as gw:
        await gw.customer("fake", "ana").say("hello")
    await clock.advance(timedelta(days=6).total_seconds())
    async with shop(tmp_path, bag, clock) as gw:
        await gw.pass_time(weekly.FIRST_LOOK)
        await until(lambda: bag.digests)
        await until(lambda: stored(gw))


async def test_a_week_without_conversations_is_passed_over(tmp_path: Path, bag: Mailbag) -> None:
    """Nothing is stored or posted, and nothing heavy is loaded."""
    async with shop(tmp_path, bag, FakeClock(MONDAY)) as gw:
        await gw.pass_time(weekly.FIRST_LOOK)
        await gw.pass_time(weekly.LOOK_EVERY)
        assert await stored(gw) == []
    assert bag.digests == []


async def test_it_can_be_switched_off(tmp_path: Path, bag: Mailbag) -> None:
    clock = FakeClock(THURSDAY)
    async with shop(tmp_path, bag, clock, weekly=False) as gw:
        await gw.customer("fake", "ana").say("hello")
        await clock.advance(timedelta(days=6).total_seconds())
        job = WeeklyReport(settings=InsightsSettings(report=ReportSettings(weekly=False)), url="")
        await job.make_due(gw.services)
        assert await stored(gw) == []


async def test_a_failed_search_does_not_cost_the_figures(
    tmp_path: Path, bag: Mailbag, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def search(self: FindingSearch, since: date, until: date) -> FoundThings:
        raise RuntimeError("a bug")

    monkeypatch.setattr(FindingSearch, "search", search)
    clock = FakeClock(THURSDAY)
    async with shop(tmp_path, bag, clock, digest=True, weekly=False) as gw:
        await gw.customer("fake", "ana").say("hello")
        await clock.advance(timedelta(days=6).total_seconds())
        await WeeklyReport(settings=InsightsSettings(), url="https://x.example").make_due(
            gw.services
        )
        assert await stored(gw) == ["report/2026-11-29"]
    assert "Nobody looked for causes." in bag.digests[0].lines
    assert bag.digests[0].url == ("https://x.example/desk/report?from=2026-11-23&to=2026-11-29")


async def test_stored_examples_are_erased_with_their_customer(tmp_path: Path, bag: Mailbag) -> None:
    """They are rows of their own; the result holds no words. Nothing of them is left in the
    database's file or the data folder."""
    clock = FakeClock(THURSDAY)
    async with shop(tmp_path, bag, clock, weekly=False) as gw:
        ana = gw.customer("fake", "ana")
        await ana.say("my zanzibar lamp is broken")
        await clock.advance(timedelta(days=6).total_seconds())
        await WeeklyReport(settings=InsightsSettings(), url="").make_due(gw.services)
        archive = ReportArchive(gw.services.storage)
        (finding,) = (await archive.found(*WEEK)).findings
        assert [e.text for e in finding.examples] == ["zanzibar lamp?"]
        assert finding.evidence["versions"] == [
            {"conversation": 1, "draft": "A lamp", "sent": "zanzibar as sent"}
        ]
        await gw.gateway.customer_data.erase(ana.address)
        (finding,) = (await archive.found(*WEEK)).findings
        assert finding.title == "A question about lamps"
        assert finding.examples == ()
        assert finding.evidence == {"messages": 20}
    assert files_with(tmp_path, b"zanzibar") == []


async def test_findings_of_the_weeks_within_a_period_come_once(
    tmp_path: Path, bag: Mailbag
) -> None:
    """The newest first; before the first week of a period, those of the week before."""
    finding = Discovery(kind="new_words", title="New words", evidence={"week": 1})
    async with shop(tmp_path, bag, FakeClock(MONDAY), weekly=False) as gw:
        archive = ReportArchive(gw.services.storage)
        for week in range(3):
            end = WEEK[1] - timedelta(weeks=2 - week)
            result = WeeklyResult(since=end - timedelta(days=6), until=end, made_at=MONDAY)
            assert await archive.keep(result, (finding.replace(evidence={"week": week}),))
            assert not await archive.keep(result, ())
        month = await archive.found(WEEK[0] - timedelta(days=14), WEEK[1])
        assert month.since == WEEK[0] - timedelta(days=14)
        assert [f.evidence["week"] for f in month.findings] == [2]
        assert (await archive.found(date(2026, 11, 24), date(2026, 11, 27))).until == date(
            2026, 11, 22
        )
        assert (await archive.found(date(2020, 1, 1), date(2020, 2, 1))).until is None
        await archive.drop_before(WEEK[1])
        assert await stored(gw) == ["report/2026-11-29"]


def test_a_digest_has_ten_lines_at_most_and_intervals(report: Report) -> None:
    """Title and link included."""
    digest = digest_of(report, brand="north", brand_title="North", url="https://x.example")
    assert len(digest.lines) <= 8
    assert digest.title == "The week of North, 1 to 30 April 2026"
    heard = next(line for line in digest.lines if line.startswith("Felt heard:"))
    assert " to " in heard
    assert "of 5" in heard
    assert digest.url.endswith("&brand=north")
    unsearched = report.replace(findings=(), found_until=None)
    own = digest_of(unsearched, brand="north", brand_title="North")
    assert not any("looked for causes" in line for line in own.lines)  # somebody did, for all
    assert "Nobody looked for causes." in digest_of(unsearched).lines
    assert "parcel" not in str(digest)
