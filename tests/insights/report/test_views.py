"""Views: the usual periods are measured beforehand, so that the desk shows them at once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from gateway import Reply
from gateway.testing import (
    FakeChannel,
    FakeClock,
    FakeHandler,
    MemoryStorage,
    RunningGateway,
    running,
)
from plugins import insights
from plugins.insights.measures.service import Measures
from plugins.insights.report.archive import PLUGIN
from plugins.insights.report.asking import PERIODS
from plugins.insights.report.compose import compose
from plugins.insights.report.data import report_json
from plugins.insights.report.material import DecisionEffect, ReportMaterial
from plugins.insights.report.views import (
    SHOWN_FOR,
    WANTED_FOR,
    RecentMaterial,
    StoredViews,
)
from plugins.insights.report.weekly import WeeklyReport
from plugins.insights.settings import InsightsSettings
from tests.insights.report.test_desk import NOW, timeout, visiting

__all__ = ["timeout"]


async def stored(gw: RunningGateway) -> list[str]:
    rows = await gw.services.storage.scan(PLUGIN, "view/")
    return [row.key.removeprefix("view/") for row in rows]


def test_what_is_stored_makes_the_same_report(material: ReportMaterial) -> None:
    again = msgspec.json.decode(msgspec.json.encode(material), type=ReportMaterial)
    assert report_json(compose(again)) == report_json(compose(material))


async def test_views_are_kept_current_while_somebody_looks(tmp_path: Path) -> None:
    """Once a day, and not for ever."""
    clock = FakeClock(NOW)  # not the gateway's, whose own job would keep them, too
    answering = FakeHandler(lambda turn: Reply(body=("Soon.",)))
    config = {"plugins": {"insights": {"report": {"weekly": False}}}}
    plugins = (insights, answering, FakeChannel())
    async with running(*plugins, tmp_path=tmp_path, config=config, clock=FakeClock(NOW)) as gw:
        await gw.customer("fake", "ana").say("hello")
        services = msgspec.structs.replace(gw.services, clock=clock)
        job = WeeklyReport(settings=InsightsSettings(), url="")
        await job.keep_views(services)
        assert await stored(gw) == []
        views = StoredViews(gw.services.storage, clock)
        await views.note_opened()
        await job.keep_views(services)
        assert sorted(await stored(gw)) == sorted(PERIODS)
        view = await views.read("week")
        assert view is not None
        assert view.measured.totals.conversations == 1
        await clock.advance(SHOWN_FOR.total_seconds())
        assert await views.read("week") is None
        await clock.advance(WANTED_FOR.total_seconds())
        await job.keep_views(services)
        assert await views.read("week") is None


async def test_a_stored_view_is_shown_without_measuring(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A filter measures; the next look at the period does not."""
    async with visiting(tmp_path) as visit:
        await visit.sign_in("ana")
        await visit.open("/desk/report")

        async def refuse(self: Measures, *args: object, **more: object) -> None:
            raise AssertionError("measured")

        monkeypatch.setattr(Measures, "between", refuse)
        await visit.open("/desk/report")
        assert "2 conversations, 4 messages" in visit.page
        assert "of the south" in visit.page
        table = await visit.open("/desk/report/by-channel.csv?period=4weeks")
        assert (await table.text()).count("\r\n") == 3
        assert (await visit.open("/desk/report?channel=fake")).status == 500


def test_recent_measurements_are_forgotten(material: ReportMaterial) -> None:
    clock = FakeClock(datetime(2026, 6, 15, tzinfo=UTC))
    recent = RecentMaterial(clock)
    recent.keep(material.replace(made_at=clock.now()))
    assert recent.get(material.query) is not None
    assert recent.get(material.query, newer_than=timedelta(0)) is None
    recent.keep(material.replace(made_at=clock.now() - timedelta(hours=1)))
    assert recent.get(material.query) is None


async def test_a_stored_view_quotes_nobody(material: ReportMaterial) -> None:
    """Erasing a customer reaches findings and proposals, and would not reach a copy of them."""
    storage = MemoryStorage()
    views = StoredViews(storage, FakeClock(material.made_at))
    decision = DecisionEffect(proposal="P1", title="Read “my words” as angry", decision="adopted")
    assert material.findings
    await views.keep("week", material.replace(decisions=(decision,)))
    (row,) = await storage.scan(PLUGIN, "view/")
    assert "my words" not in row.value
    assert material.findings[0].title not in row.value
