"""People at the desk: cases that are given, breaks, praise, and what is kept of a person."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest

from plugins.agents_desk import DeskSettings
from plugins.agents_desk.access.account_data import PersonData
from plugins.agents_desk.access.accounts import DeskAccount, DeskAccounts, desk_agent
from plugins.agents_desk.settings import Role
from plugins.agents_desk.staff import runner
from plugins.agents_desk.staff.storage import LOAD, StaffStorage
from plugins.agents_desk.staff.values import LoadSummary, StaffProfile
from tests.agents_desk.conftest import Visit
from tests.agents_desk.conversations import (
    ANA,
    INSIGHTS,
    JULES,
    MARIA,
    NOUR,
    NOW,
    PHONE,
    TOM,
    WEBCHAT,
    DeskGateway,
    insight,
)

GLAD = "Thank you so much Ana, that was wonderful help!"


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """The gateway's own runner stands still: the tests make its steps."""

    async def stand_still(_: runner.StaffRunner) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(runner.StaffRunner, "run", stand_still)


@pytest.fixture
async def cleo(visitor: Callable[[], Visit]) -> Visit:
    visit = visitor()
    await visit.sign_in("cleo")
    return visit


class Floor:
    """The runner of a desk that gives cases with care."""

    def __init__(self, gw: DeskGateway, **settings: Any) -> None:
        roles: dict[str, Role] = {"ana": "lead", "ben": "lead", "cleo": "agent", "dora": "admin"}
        fixed = {
            name: DeskAccount(
                name=name, agent=desk_agent(name, name.capitalize()), role=role, fixed=True
            )
            for name, role in roles.items()
        }
        self.gw = gw
        self.settings = DeskSettings(**{"assignment": "care", **settings})
        self.accounts = DeskAccounts(gw.services.storage, fixed)
        self.storage = StaffStorage(gw.services.storage)
        self._runner = runner.StaffRunner(gw.services, self.accounts, self.settings)

    async def step(self, seconds: float = 0) -> None:
        self.gw.clock.advance(seconds)
        await self._runner.step()


@pytest.fixture
async def floor(gw: DeskGateway) -> Floor:
    return Floor(gw)


async def profile(floor: Floor, name: str, **changes: Any) -> None:
    await floor.storage.change_profile(
        f"desk:{name}", lambda p: StaffProfile(**{"agent": p.agent, **changes})
    )


async def test_a_case_is_given_to_who_is_there_and_says_why(
    floor: Floor, gw: DeskGateway, cleo: Visit
) -> None:
    """Only Cleo has a page open: the bar leads her there, and the card says why."""
    await profile(floor, "cleo", capacity=1)
    await floor.step()
    assert [await gw.owner(n) for n in (TOM, MARIA, NOUR)] == ["desk:cleo", None, None]
    await cleo.open("/desk")
    assert "A conversation was given to you" in cleo.page
    await cleo.open(f"/desk/c/{TOM}")
    assert "Why you?" in cleo.page
    assert "nobody else who fits is free" in cleo.page
    await cleo.open("/desk")
    assert "was given to you" not in cleo.page
    assert ("desk", "given", TOM) in [(a.who, a.what, a.conversation) for a in await gw.audit()]


async def test_people_are_told_at_once(floor: Floor, gw: DeskGateway, cleo: Visit) -> None:
    """By a live event to their own pages, which has no words in it."""
    async with cleo.http.get(f"{cleo.url}/desk/live") as stream:
        async with asyncio.timeout(10):
            while b"hello" not in await stream.content.readline():
                pass
        await floor.step()
        async with asyncio.timeout(10):
            while b"event: notice" not in await stream.content.readline():
                pass
            data = await stream.content.readline()
    told = json.loads(data.removeprefix(b"data: "))
    assert told["notice"] == "given"
    assert await gw.owner(told["about"]) == "desk:cleo"


async def test_nobody_is_given_anything_while_people_take_cases_themselves(
    gw: DeskGateway, cleo: Visit
) -> None:
    """The default."""
    await Floor(gw, assignment="pull").step()
    assert await gw.owner(TOM) is None


async def test_what_is_not_opened_waits_again_as_before(
    floor: Floor, gw: DeskGateway, cleo: Visit
) -> None:
    """With its reasons, its priority and its first waiting time; and Cleo is away."""
    before = (await gw.desk.card(TOM)).handoff
    await floor.step()
    await floor.step(floor.settings.open_within - 1)
    assert await gw.owner(TOM) == "desk:cleo"
    await floor.step(1)
    card = await gw.desk.card(TOM)
    assert card.conversation.state == "waiting"
    assert card.handoff == before
    assert "not opened within 3 min" in card.messages[-1].text
    await cleo.open("/desk")
    assert "You are set to away" in cleo.page
    await floor.step()
    assert await gw.owner(TOM) is None
    await cleo.send("/desk/me/presence", state="available")
    await floor.step()
    assert await gw.owner(TOM) == "desk:cleo"


async def test_harm_that_was_not_opened_sounds_the_alarm(
    floor: Floor, gw: DeskGateway, cleo: Visit
) -> None:
    """Its timer had found it claimed."""
    await floor.step()
    await floor.step(floor.settings.open_within)
    gw.clock.advance(2)
    await gw.running.settled()
    for _ in range(200):
        card = await gw.desk.card(TOM)
        if any(m.purpose == "alarm" for m in card.messages):
            break
        await asyncio.sleep(0.02)
    assert any(m.purpose == "alarm" for m in card.messages)


async def test_who_opens_it_keeps_it(floor: Floor, gw: DeskGateway, cleo: Visit) -> None:
    await floor.step()
    await cleo.open(f"/desk/c/{MARIA}")
    await floor.step(floor.settings.open_within + 1)
    assert [await gw.owner(number) for number in (MARIA, PHONE)] == ["desk:cleo", None]


async def test_who_is_faster_keeps_it(
    floor: Floor, gw: DeskGateway, cleo: Visit, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A case that somebody claims between the look and the giving stays theirs."""
    assign = runner.assign

    def slow(case: Any, *rest: Any, **more: Any) -> Any:
        taken.append(case.conversation)
        return assign(case, *rest, **more)

    taken: list[int] = []
    monkeypatch.setattr(runner, "assign", slow)
    claim = gw.desk.claim

    async def claimed_before(number: int, agent: Any, *, epoch: int) -> Any:
        if number == TOM and agent.id != ANA.id:
            await claim(TOM, ANA, epoch=epoch)
        return await claim(number, agent, epoch=epoch)

    monkeypatch.setattr(gw.desk, "claim", claimed_before)
    await floor.step()
    assert await gw.owner(TOM) == "desk:ana"
    assert await gw.owner(MARIA) == "desk:cleo"


async def test_nothing_is_given_on_a_break_or_without_a_page(
    floor: Floor, gw: DeskGateway, cleo: Visit
) -> None:
    """A break marks the page, so that nothing makes a sound; without a page one is away."""
    await cleo.open("/desk/break")
    await cleo.send("/desk/break", do="start")
    await cleo.open("/desk")
    assert "data-on-break" in cleo.page
    await floor.step()
    assert await gw.owner(TOM) is None
    await cleo.send("/desk/break", do="end")
    assert "data-on-break" not in cleo.page
    await floor.step(floor.settings.away_after + 61)
    assert await gw.owner(TOM) is None
    await cleo.open("/desk")
    await floor.step()
    assert await gw.owner(TOM) == "desk:cleo"


async def test_a_break_is_proposed_kindly_and_once(
    floor: Floor, gw: DeskGateway, cleo: Visit
) -> None:
    """Declined, it does not come back within the stated time; nothing forces it."""
    heavy = LoadSummary(fleeting=60, lasting=10, at=NOW.timestamp())
    await floor.storage.change(f"{LOAD}desk:cleo", LoadSummary, lambda _: heavy)
    await floor.step()
    await cleo.open("/desk")
    assert "You have carried a lot for a while" in cleo.page
    await cleo.send("/desk/break", do="later")
    await floor.step(600)
    await cleo.open("/desk")
    assert "You have carried a lot" not in cleo.page


async def test_a_lead_sees_a_persons_load_only_if_they_share_it(
    floor: Floor, gw: DeskGateway, ana: Visit, cleo: Visit
) -> None:
    heavy = LoadSummary(fleeting=80, lasting=10, at=NOW.timestamp())
    await floor.storage.change(f"{LOAD}desk:cleo", LoadSummary, lambda _: heavy)
    await floor.step()
    await ana.open("/desk/people")
    assert "heavy" not in ana.page
    assert "it would point at one" in ana.page
    await cleo.open("/desk/me")
    assert "Heavy" in cleo.page
    await cleo.send("/desk/me", share_load="on", timezone="Europe/Berlin")
    await ana.open("/desk/people")
    assert "heavy" in ana.page


async def test_praise_reaches_the_person_and_then_the_team(
    floor: Floor, gw: DeskGateway, ana: Visit, cleo: Visit, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Warm thanks after Ana's answer: on her page at once, on Cleo's when Ana agrees. Only the
    conversation has the words."""
    monkeypatch.setitem(INSIGHTS, GLAD, insight(GLAD, "praise", "pleased", 0.9, 0.0))
    jules = (await gw.desk.card(JULES)).conversation.address
    await gw.desk.answer(JULES, ANA, "Voilà, the exchange is on its way.", key="k")
    await gw.running.settled()
    await gw.write(jules, GLAD)
    await floor.step()
    await ana.open("/desk/praise")
    assert "that was wonderful help" in ana.page
    await cleo.open("/desk/praise")
    assert "wonderful" not in cleo.page
    await ana.open("/desk/me")
    await ana.send("/desk/me", share_praise="on", timezone="UTC")
    await cleo.open("/desk/praise")
    assert "that was wonderful help" in cleo.page
    rows = await gw.services.storage.scan("agents_desk", "staff/praise/")
    assert all("wonderful" not in row.value and row.conversation == JULES for row in rows)


async def test_leads_say_who_can_take_what(ana: Visit, cleo: Visit, floor: Floor) -> None:
    """With right and audit; what cannot be read is said, and what was typed stays."""
    await ana.open("/desk/people/cleo")
    typed = {"languages": "de, en", "skills": "orders", "capacity": "10", "timezone": "UTC"}
    await ana.send("/desk/people/cleo", **typed, day0="9-17", exceptions="2026-12-24 off")
    kept = await floor.storage.profile("desk:cleo")
    assert (kept.languages, kept.skills, kept.capacity) == (("de", "en"), ("orders",), 10)
    await ana.open("/desk/people/cleo")
    refused = await ana.send("/desk/people/cleo", **{**typed, "day0": "nine"})
    assert refused.status == 422
    assert 'value="nine"' in ana.page
    assert (await cleo.open("/desk/people/cleo")).status == 403
    assert (await ana.open("/desk/people/nobody")).status == 404
    audit = [(a.who, a.what, a.detail) for a in await floor.gw.audit()]
    assert ("desk:ana", "staff_changed", "desk:cleo") in audit


async def test_the_break_page_names_who_agreed_to_be_asked(
    floor: Floor, ana: Visit, cleo: Visit
) -> None:
    await cleo.open("/desk/break")
    assert "Nobody who offered to be asked" in cleo.page
    await profile(floor, "ana", peer=True, peer_contact="the kitchen")
    await cleo.open("/desk/break")
    assert "the kitchen" in cleo.page


async def test_a_removed_person_leaves_nothing_behind(
    floor: Floor, gw: DeskGateway, cleo: Visit
) -> None:
    """Every row about them goes: also the work they did and the cases they were given."""
    await profile(floor, "cleo", peer=True)
    await floor.step()
    await gw.desk.answer(MARIA, desk_agent("cleo", "Cleo"), "I am on it.", key="k")
    await gw.running.settled()
    await cleo.open("/desk/me")
    await cleo.send("/desk/me/presence", state="away")
    await floor.step()
    data = PersonData(gw.services.storage, floor.accounts, gw.services.audit)
    exported = json.dumps(await data.export("cleo"))
    for part in ("profile", "presence", "seen", "load", "given", "work"):
        assert f"staff/{part}/" in exported
    await data.erase("cleo")
    rows = await gw.services.storage.scan("agents_desk", "staff/", limit=500)
    assert [row.key for row in rows if "desk:cleo" in row.key + row.value] == []


async def test_an_erased_customer_leaves_no_work_behind(
    floor: Floor, gw: DeskGateway, cleo: Visit
) -> None:
    """Rows of one conversation go with it."""
    await floor.step()
    await gw.desk.answer(MARIA, desk_agent("cleo", "Cleo"), "I am on it.", key="k")
    await gw.running.settled()
    await floor.step()
    rows = await gw.services.storage.scan("agents_desk", "staff/")
    assert MARIA in {row.conversation for row in rows}
    await gw.running.gateway.customer_data.erase(WEBCHAT)
    rows = await gw.services.storage.scan("agents_desk", "staff/")
    assert MARIA not in {row.conversation for row in rows}


async def test_work_in_slack_counts_as_being_there(floor: Floor, gw: DeskGateway) -> None:
    """Ana has no page open and answered a minute ago, wherever: she is at work."""
    await gw.desk.answer(JULES, ANA, "One moment.", key="k")
    await gw.running.settled()
    await floor.step()
    assert await gw.owner(TOM) == "desk:ana"


@pytest.mark.parametrize(
    ("said", "owner"),
    [("Parfait, merci Ana", "desk:ana"), ("Merci, mais encore une question", None)],
)
async def test_thanks_after_an_answer_take_no_room(
    floor: Floor, gw: DeskGateway, said: str, owner: str | None
) -> None:
    """A mail that waits for the customer takes nothing of Ana's one unit."""
    await profile(floor, "ana", capacity=1)
    await gw.desk.answer(JULES, ANA, "Voilà, the exchange is on its way.", key="k")
    await gw.running.settled()
    await gw.write((await gw.desk.card(JULES)).conversation.address, said)
    await floor.step()
    assert await gw.owner(TOM) == owner
