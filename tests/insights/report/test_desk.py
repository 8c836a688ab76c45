"""The report at the desk: who sees what, filters, CSV, and one's own load."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession, CookieJar

from gateway import LOAD_LIMIT, Reply
from gateway.testing import FakeChannel, FakeClock, FakeHandler, running
from plugins import agents_desk, insights
from plugins.insights.measures.values import LoadDay
from plugins.insights.model import Discovery, MaskedExample
from plugins.insights.report import pages
from plugins.insights.report.archive import ReportArchive, WeeklyResult
from plugins.insights.report.pages import own_load_html
from tests.agents_desk.conftest import Visit, as_config, user

NOW = datetime(2026, 11, 26, 12, 0, tzinfo=UTC)


@pytest.fixture(autouse=True)
def timeout(monkeypatch: pytest.MonkeyPatch) -> None:
    """A busy machine must not change what a page shows."""
    monkeypatch.setattr(pages, "PAGE_TIMEOUT", 60.0)
    monkeypatch.setattr(pages, "LOAD_TIMEOUT", 60.0)


BRANDS = {
    "north": {"title": "North", "support_addresses": ["fake"]},
    "south": {"title": "South", "support_addresses": ["other"]},
}


@asynccontextmanager
async def visiting(tmp_path: Path, **more: Any) -> AsyncIterator[Visit]:
    """A desk on which Ana is a lead, Nora a lead of the brand North, and Cleo an agent. One
    customer wrote to each brand; last week there was a finding."""
    nora = as_config(user("nora")) | {"brands": ["north"]}
    people = [as_config(user("ana")), nora, as_config(user("cleo", "agent"))]
    config = {
        "brands": BRANDS,
        "plugins": {"agents_desk": {"users": people}, "insights": {"least": 1}},
        **more,
    }
    plugins = (
        agents_desk,
        insights,
        FakeHandler(lambda turn: Reply(body=("It is on its way.",))),
        FakeChannel(),
        FakeChannel("other"),
    )
    async with (
        running(*plugins, config=config, tmp_path=tmp_path, clock=FakeClock(NOW)) as gw,
        ClientSession(cookie_jar=CookieJar(unsafe=True)) as http,
    ):
        await gw.customer("fake", "maria").say("where is my parcel")
        await gw.customer("other", "tom").say("where is mine")
        example = MaskedExample(conversation=2, text="of the south")
        finding = Discovery(kind="new_words", title="=New words", examples=(example,))
        week = WeeklyResult(since=date(2026, 11, 16), until=date(2026, 11, 22), made_at=NOW)
        await ReportArchive(gw.services.storage).keep(week, (finding,))
        yield Visit(http, gw.url)


async def test_a_lead_sees_the_report_and_an_agent_does_not(tmp_path: Path) -> None:
    async with visiting(tmp_path) as visit:
        assert (await visit.open("/desk/report")).url.path == "/desk/sign-in"
        await visit.sign_in("cleo")
        assert (await visit.open("/desk/report")).status == 403
        assert (await visit.open("/desk/report/by-channel.csv")).status == 403
        await visit.sign_in("ana")
        response = await visit.open("/desk/report")
        assert response.status == 200
        assert "2 conversations, 4 messages" in visit.page
        assert "=New words" in visit.page
        assert "of the south" in visit.page
        assert "30 October to 26 November 2026" in visit.page


async def test_a_lead_of_one_brand_sees_that_brand_alone(tmp_path: Path) -> None:
    """Not even the words of a finding, which is of all brands."""
    async with visiting(tmp_path) as visit:
        await visit.sign_in("nora")
        for address in ("/desk/report", "/desk/report?brand=south", "/desk/report?channel=other"):
            await visit.open(address)
            assert "of the south" not in visit.page
            assert "2 conversations" not in visit.page
            assert "New words" not in visit.page
        await visit.open("/desk/report?brand=south")
        assert "1 conversation, 2 messages" in visit.page
        assert "South" not in visit.page
        assert "Causes are looked for in the conversations of all brands" in visit.page
        table = await visit.open("/desk/report/by-channel.csv?brand=south")
        assert "other" not in await table.text()


async def test_filters_and_periods_come_from_the_address(tmp_path: Path) -> None:
    async with visiting(tmp_path) as visit:
        await visit.sign_in("ana")
        await visit.open("/desk/report?channel=other&period=week")
        assert "1 conversation, 2 messages" in visit.page
        assert '<option value="other" selected>' in visit.page
        assert '<option value="fake">' in visit.page
        assert '"/desk/report?period=year&amp;channel=other"' in visit.page
        assert "by-channel.csv?period=week&amp;channel=other" in visit.page
        await visit.open("/desk/report?from=2020-01-01&to=2020-01-31")
        assert "Nobody wrote in these days" in visit.page
        await visit.open("/desk/report?from=gestern")
        assert "is not a date; write year, month and day" in visit.page


async def test_an_empty_report_is_not_kept(tmp_path: Path) -> None:
    """Whoever looks before the first customer writes sees the customer at the next look."""
    config = {"plugins": {"agents_desk": {"users": [as_config(user("ana"))]}, "insights": {}}}
    answer = FakeHandler(lambda turn: Reply(body=("It is on its way.",)))
    async with (
        running(
            agents_desk,
            insights,
            answer,
            FakeChannel(),
            config=config,
            tmp_path=tmp_path,
            clock=FakeClock(NOW),
        ) as gw,
        ClientSession(cookie_jar=CookieJar(unsafe=True)) as http,
    ):
        visit = Visit(http, gw.url)
        await visit.sign_in("ana")
        await visit.open("/desk/report")
        assert "Nobody wrote in these days" in visit.page
        await gw.customer("fake", "maria").say("where is my parcel")
        await gw.pass_time(120)
        await visit.open("/desk/report")
        assert "1 conversation, 2 messages" in visit.page


async def test_a_table_is_a_csv_file(tmp_path: Path) -> None:
    async with visiting(tmp_path) as visit:
        await visit.sign_in("ana")
        file = await visit.open("/desk/report/findings.csv?from=2026-11-16&to=2026-11-26")
        assert file.headers["Content-Type"].startswith("text/csv")
        assert file.headers["Content-Disposition"] == (
            'attachment; filename="findings-2026-11-16-2026-11-26.csv"'
        )
        assert "new words,'=New words,2," in visit.page
        assert (await visit.open("/desk/report/nothing.csv")).status == 404


async def test_its_style_sheet_is_served_and_its_page_has_no_style_of_its_own(
    tmp_path: Path,
) -> None:
    async with visiting(tmp_path) as visit:
        await visit.sign_in("ana")
        await visit.open("/desk/report")
        assert "<style" not in visit.page
        assert " style=" not in visit.page
        start = visit.page.index("/desk/report/static/")
        sheet = visit.page[start : visit.page.index('"', start)]
        response = await visit.open(sheet)
        assert response.headers["Content-Type"].startswith("text/css")
        assert (await visit.open("/desk/report/static/x/secret.css")).status == 404


async def test_everybody_sees_their_own_load(tmp_path: Path) -> None:
    """The page takes no name: there is no way to ask for a colleague's."""
    async with visiting(tmp_path) as visit:
        await visit.sign_in("cleo")
        response = await visit.open("/desk/me/load?agent=desk:ana")
        assert response.status == 200
        assert "Only you see this page" in visit.page
        assert "you had no conversation with an upset customer" in visit.page
        assert ">My load</a>" in visit.page
        assert ">Report</a>" not in visit.page


@pytest.mark.parametrize(("peak", "said"), [(LOAD_LIMIT + 5, "On 1 day of"), (20, "On no day of")])
def test_too_much_is_said_plainly(peak: float, said: str) -> None:
    day = LoadDay(day=date(2026, 11, 20), conversations=3, minutes=40, peak=peak, unbroken=30)
    page = own_load_html((day,), date(2026, 11, 26), fresh=True)
    assert said in page
    assert "20 November 2026" in page
    assert "<svg" in page
