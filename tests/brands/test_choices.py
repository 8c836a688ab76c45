"""What a brand chooses, who may see it, and what names it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

import brand_voice
from gateway import (
    Address,
    Agent,
    BadConfig,
    Conversation,
    NotFound,
    Reason,
    RenderContext,
    Reply,
    Turn,
    WarmlineError,
)
from gateway.cli.doctor import health_checks
from gateway.testing import (
    FakeChannel,
    FakeClock,
    FakeHandler,
    MemoryAuditLog,
    MemoryStorage,
    RunningGateway,
    running,
)
from plugins import agents_desk, followup, precedents
from plugins.agents_desk import view
from plugins.agents_desk.access.account_data import PersonData
from plugins.agents_desk.access.accounts import DeskAccount, DeskAccounts, desk_agent, may_see
from plugins.agents_desk.access.admin import AccountManager
from plugins.agents_desk.access.sessions import DeskSession
from plugins.agents_desk.html import HtmlRenderer
from tests.precedents.test_precedents import ANSWER, KETTLE

BRANDS: dict[str, Any] = {
    "north": {"title": "North Outdoor", "support_addresses": ["sms"]},
    "south": {"support_addresses": ["sms/south"]},
}
MONDAY_NIGHT = datetime(2026, 3, 2, 20, 0, tzinfo=UTC)


def hand_over(turn: Turn) -> Reply | None:
    if turn.kind != "message":
        return None
    return Reply(body=("A person will answer.",), escalate=(Reason(code="left", detail="test"),))


def channels() -> tuple[FakeChannel, FakeChannel]:
    return FakeChannel("sms"), FakeChannel("sms", support_address="south")


@asynccontextmanager
async def opened(
    folder: Path,
    *plugins: Any,
    clock: FakeClock | None = None,
    desk: dict[str, Any] | None = None,
    **brands: Any,
) -> AsyncIterator[RunningGateway]:
    """A gateway with two brands; ``brands`` are their further settings, by name. ``desk``: the
    settings of a web desk."""
    config = {
        "brands": {name: own | brands.get(name, {}) for name, own in BRANDS.items()},
        "plugins": {
            "followup": {"delay_minutes": 0, "quiet": None},
            "precedents": {"look_every": 0},
            **({"agents_desk": desk} if desk is not None else {}),
        },
    }
    modules = () if desk is None else (agents_desk,)
    given = (*channels(), followup, precedents, *modules, *(plugins or (FakeHandler(hand_over),)))
    async with running(*given, config=config, tmp_path=folder, clock=clock or FakeClock()) as gw:
        yield gw


async def test_each_brand_has_its_hours(tmp_path: Path) -> None:
    """At eight on a Monday evening one is closed, and the other open."""
    handler = FakeHandler(hand_over)
    hours = {"timezone": "UTC", "week": {"monday": "09:00-17:00", "tuesday": "09:00-17:00"}}
    async with opened(
        tmp_path, handler, clock=FakeClock(MONDAY_NIGHT), north={"hours": hours}
    ) as gw:
        for key in ("sms", "sms/south"):
            await gw.customer(key, "+15550100").say("hello")
    assert [turn.opening for turn in handler.turns] == ["2026-03-03T09:00:00+00:00", None]


def test_each_brand_has_its_voice(tmp_path: Path) -> None:
    """A word that one brand avoids is fine for the other."""
    guide = tmp_path / "south.yaml"
    guide.write_text("lexicon: {use: {en: {good day: [hiya]}}}", "utf-8")
    voice = brand_voice.GuidedVoice(brand_voice.load(None), {"south": brand_voice.load(guide)})
    reply = Reply(opener="", body=("Say hiya to it.",))
    said = [
        voice.render(reply, RenderContext(channel="email", brand=brand)).parts[0]
        for brand in ("", "north", "south")
    ]
    assert ["hiya" in text for text in said] == [True, True, False]


async def test_each_brand_has_its_survey(tmp_path: Path) -> None:
    """The kind of the question is the brand's."""
    async with opened(tmp_path, south={"survey": {"kind": "csat"}}) as gw:
        ana = gw.desk_agent("ana")
        for key in ("sms", "sms/south"):
            await gw.customer(key, "+15550100").say("hello")
            card = await ana.claim()
            await ana.answer(card, "Here you are.")
            await ana.resolve(await gw.services.desk.card(card.conversation.id))
        await gw.pass_time(60)
        asked = [
            message.survey.kind
            for number in (1, 2)
            for message in (await gw.services.desk.card(number)).messages
            if message.survey
        ]
    assert asked == ["felt_heard", "csat"]


async def test_a_survey_of_a_brand_that_is_wrong_stops_the_start(tmp_path: Path) -> None:
    """The message names the key."""
    with pytest.raises(BadConfig, match=r"brands\.south\.survey\.kind"):
        async with opened(tmp_path, south={"survey": {"kind": "x"}}):
            pass


async def test_drafts_come_from_the_same_brand(tmp_path: Path) -> None:
    """What an agent of one brand answered is no draft for another brand's customer."""
    async with opened(tmp_path) as gw:
        await gw.customer("sms", "+1").say(KETTLE, language="en")
        mia = gw.desk_agent("mia")
        card = await mia.claim()
        await mia.answer(card, ANSWER)
        await mia.resolve(await gw.services.desk.card(card.conversation.id))
        for key in ("sms/south", "sms"):
            await gw.customer(key, "+2").say(
                "the kettle from you leaks at its bottom", language="en"
            )
        south, north = [await gw.services.desk.card(number) for number in (2, 3)]
    assert (south.suggestion, north.suggestion is not None) == (None, True)


async def test_an_agent_is_limited_to_brands(tmp_path: Path) -> None:
    """To others the conversation does not exist, whatever they try."""
    async with opened(tmp_path) as gw:
        await gw.customer("sms", "+15550100").say("hello")
        ben = Agent(id="desk:ben", name="Ben", brands=("south",))
        desk = gw.services.desk
        with pytest.raises(NotFound):
            await desk.claim(1, ben, epoch=0)
        with pytest.raises(NotFound):
            await desk.answer(1, ben, "hello", key="k")
        with pytest.raises(NotFound):
            await desk.note(1, ben, "a note")
        assert (await desk.claim(1, ben.replace(brands=("north",)), epoch=0)).conversation.owner


async def test_the_queue_names_brand_and_support_address(tmp_path: Path) -> None:
    async with opened(tmp_path) as gw:
        for key in ("sms", "sms/south"):
            await gw.customer(key, "+15550100").say("hello")
        places = [item.place for item in await gw.services.desk.queue()]
    assert places == ["North Outdoor", "south"]


async def test_the_desk_names_brand_and_support_address(tmp_path: Path) -> None:
    """The choice of a brand is there for who sees several, and stays in the links."""
    session = DeskSession(
        id="i", token="t", name="ana", agent=Agent(id="desk:ana", name="Ana"), role="agent",
        since=MONDAY_NIGHT, seen=MONDAY_NIGHT,
    )  # fmt: skip
    async with opened(tmp_path) as gw:
        for key in ("sms", "sms/south"):
            await gw.customer(key, f"+1555{len(key)}").say("hello")
        page = await gw.services.desk.queue_page()
        html = HtmlRenderer(gw.clock, asset_url=str, brands=gw.services.brands)
        names = tuple(gw.services.brands)
        pages = [
            html.page("queue-part.html", session=session, queue=queue).text or ""
            for queue in (
                view.queue_view(page, session.agent, "all", brands=names),
                view.queue_view(page, session.agent, "waiting", brand="south", brands=names),
                view.queue_view(page, session.agent, "all", brands=names[:1]),
            )
        ]
    assert ["All brands" in page for page in pages] == [True, True, False]
    assert 'href="/desk?show=waiting&amp;brand=south"' in pages[1]
    assert "SMS · North Outdoor" in pages[0]


async def test_metrics_name_the_support_address(tmp_path: Path) -> None:
    """And the brand of each, to join the two."""
    async with opened(tmp_path) as gw:
        await gw.customer("sms/south", "+15550100").say("hello")
        labels = {"channel": "sms/south"}
        assert gw.metric("warmline_accepted_total", **labels) == 1
        assert gw.metric("warmline_support_address", brand="south", **labels) == 1


async def test_doctor_names_a_support_address_without_a_brand(tmp_path: Path) -> None:
    async with opened(tmp_path, south={"support_addresses": ["sms/east"]}) as gw:
        problems = await health_checks(gw.gateway)["brands"]()
    assert [problem.what for problem in problems] == [
        "brand south: there is no support address sms/east",
        "sms/south belongs to no brand",
    ]


async def test_a_support_address_belongs_to_one_brand(tmp_path: Path) -> None:
    with pytest.raises(BadConfig, match="sms belongs to both north and south"):
        async with opened(tmp_path, south={"support_addresses": ["sms"]}):
            pass


async def test_brands_take_over_what_was_there_before_them(tmp_path: Path) -> None:
    """A shop that first had no brands: its customers, by their own reference too, and its queue."""
    plugins = (*channels(), FakeHandler(hand_over))
    async with running(*plugins, tmp_path=tmp_path, clock=FakeClock()) as gw:
        await gw.customer("sms", "+1").say("hello", ref="customer-7")
    async with opened(tmp_path) as gw:
        [item] = await gw.services.desk.queue()
        assert (item.conversation.brand, item.place) == ("north", "North Outdoor")
        await gw.customer("sms", "+2").say("hello again", ref="customer-7")
        await gw.customer("sms/south", "+3").say("hello", ref="customer-7")
        cards = [await gw.services.desk.card(number) for number in (1, 2, 3)]
    first, again, other = (card.customer.id for card in cards)
    assert (first == again, first == other) == (True, False)


async def test_a_users_brands_are_changed_where_they_are_kept() -> None:
    """For somebody of the desk or Slack from their next request on; one of the settings there."""
    fixed = {"ana": DeskAccount(name="ana", agent=desk_agent("ana"), fixed=True)}
    storage, audit = MemoryStorage(), MemoryAuditLog(FakeClock())
    accounts = DeskAccounts(storage, fixed)
    data = PersonData(storage, accounts, audit)
    manager = AccountManager(accounts=accounts, audit=audit, data=data)
    await manager.add("cli:eve", "ben", "correct horse battery", brands=("north",))
    await manager.set_brands("cli:eve", "ben", ("south",))
    ben = await accounts.find("ben")
    assert ben is not None
    talk = Conversation(
        address=Address(channel="sms", value="+1"), brand="south", opened_at=MONDAY_NIGHT
    )
    assert may_see("agent", ben.agent, talk)
    assert not may_see("admin", ben.agent, talk.replace(brand="north"))
    with pytest.raises(WarmlineError, match="defined in the settings"):
        await manager.set_brands("cli:eve", "ana", ("south",))
