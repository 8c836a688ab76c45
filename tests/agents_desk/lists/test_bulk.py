"""Acts on many conversations: held for some seconds, taken back whole, or carried out."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from datetime import timedelta

import msgspec
import pytest

from gateway import Address, Agent, StoredValue
from plugins.agents_desk.lists.bulk import CUT_OFF, HOLD, LOOK, LOST, ActName, BulkAct
from tests.agents_desk.conftest import Visit
from tests.agents_desk.conversations import (
    ANA,
    BEN,
    JULES,
    MARIA,
    NOUR,
    PHONE,
    PRIYA,
    TOM,
    DeskGateway,
)

LATER = HOLD.total_seconds() + 1
FORM = "/desk/list/all/act"


async def choose(visit: Visit, *chosen: int, path: str = "all", **fields: str) -> str:
    """Choose conversations on a list and what to do; return the id of the act, or the page."""
    await visit.open(f"/desk/list/{path}")
    boxes = dict(re.findall(r'name="c" value="((\d+)-\d+)"', visit.page))
    values = {id: box for box, id in boxes.items()}
    token = visit.field("csrf")
    data = [("csrf", token), *fields.items(), *(("c", values[str(id)]) for id in chosen)]
    answer = await visit.http.post(f"{visit.url}/desk/list/{path}/act", data=data)
    visit.page = await answer.text()
    return answer.url.query.get("act", "")


async def later(gw: DeskGateway) -> None:
    """Until the held acts are carried out, and all that follows from them."""
    gw.clock.advance(LATER)
    async with asyncio.timeout(10):
        while any(entry.state in ("held", "running") for entry in await acts(gw)):
            pass
    await gw.running.settled()


async def acts(gw: DeskGateway) -> list[BulkAct]:
    entries = await gw.services.storage.scan("agents_desk", "bulk/")
    return [msgspec.json.decode(entry.value, type=BulkAct) for entry in entries]


async def states(gw: DeskGateway, *ids: int) -> list[str]:
    return [(await gw.desk.card(id)).conversation.state for id in ids]


@pytest.fixture
async def cleo(visitor: Callable[[], Visit]) -> Visit:
    visit = visitor()
    await visit.sign_in("cleo")
    return visit


async def test_no_act_is_forgotten_behind_many_others(ana: Visit, gw: DeskGateway) -> None:
    """The acts of a day stay for their pages; those that wait are found among them."""
    done = BulkAct(
        id="x", name="resolve", chosen=(), agent=BEN, account="aa", role="agent",
        due_at=gw.clock.now(), state="done",
    )  # fmt: skip
    value = msgspec.json.encode(done).decode()
    rows = [StoredValue(key=f"bulk/aa/{n:04}", value=value, version=0) for n in range(510)]
    await gw.services.storage.put_many("agents_desk", rows)
    await choose(ana, JULES, act="resolve")
    gw.clock.advance(LATER)
    async with asyncio.timeout(10):
        while await states(gw, JULES) != ["resolved"]:
            pass


async def test_an_act_is_held_and_then_carried_out(ana: Visit, gw: DeskGateway) -> None:
    """Nothing happens before its time; then everything does, and the page says so."""
    act = await choose(ana, JULES, PHONE, act="resolve")
    assert "About to resolve 2 conversations" in ana.page
    assert await states(gw, JULES, PHONE) == ["person", "waiting"]
    await later(gw)
    assert await states(gw, JULES, PHONE) == ["resolved", "resolved"]
    await ana.open(f"/desk/list/all?act={act}")
    assert "2 conversations resolved." in ana.page
    lines = [(line.who, line.what, line.origin) for line in await gw.audit()]
    assert lines.count(("desk:ana", "resolved", "127.0.0.1")) == 2


async def test_an_undone_act_never_happened(ana: Visit, gw: DeskGateway) -> None:
    """Not even for a moment: no system line, no event, so no survey goes out."""
    before = await gw.state()
    act = await choose(ana, JULES, PHONE, act="resolve")
    await ana.send("/desk/list/all/undo", id=act)
    assert "Taken back" in ana.page
    await later(gw)
    assert await gw.state() == before
    await ana.send("/desk/list/all/undo", id=act)
    assert "too late" in ana.page


async def test_an_act_can_be_done_at_once(ana: Visit, gw: DeskGateway) -> None:
    """For those who are sure."""
    act = await choose(ana, PHONE, NOUR, act="claim")
    await ana.send("/desk/list/all/now", id=act)
    assert "2 conversations claimed." in ana.page
    assert [await gw.owner(id) for id in (PHONE, NOUR)] == [ANA.id, ANA.id]


@pytest.mark.parametrize("id", ["\x1b", "no such act", "x&act=y#z", "ŕ\r\nSet-Cookie: a=b"])
@pytest.mark.parametrize("step", ["undo", "now"])
async def test_an_act_that_nobody_chose_leads_back_to_the_list(
    ana: Visit, step: str, id: str
) -> None:
    """Whatever its name: no header may have control characters, so they are encoded."""
    await ana.send(f"/desk/list/all/{step}", id=id)
    assert "</html>" in ana.page


async def test_what_changed_meanwhile_is_left_as_it_is(ana: Visit, gw: DeskGateway) -> None:
    """A customer who writes again is not resolved, nor what a colleague took; both are named."""
    act = await choose(ana, JULES, PHONE, NOUR, act="resolve")
    await gw.write(Address(channel="email", value="jules@example.org"), "One more thing")
    await gw.claim(PHONE, BEN)
    await later(gw)
    assert await states(gw, JULES, PHONE, NOUR) == ["person", "person", "resolved"]
    await ana.open(f"/desk/list/all?act={act}")
    assert "1 of 3 conversations resolved." in ana.page
    assert "the customer wrote meanwhile" in ana.page
    assert "somebody was faster: Ben has it" in ana.page


async def cut_off(gw: DeskGateway, *ids: int, name: ActName = "resolve", to: str = "") -> None:
    """Store an act of Ana's on ``ids`` as a process leaves it that is killed while it begins."""
    cards = await gw.desk.cards(ids)
    chosen = tuple(
        (card.conversation.id, card.conversation.epoch, card.messages[-1].id) for card in cards
    )
    act = BulkAct(
        id="cut", name=name, chosen=chosen, agent=ANA, account="ana", role="lead",
        due_at=gw.clock.now(), state="running", stored_at=gw.clock.now(), to=to,
    )  # fmt: skip
    value = msgspec.json.encode(act).decode()
    await gw.services.storage.put("agents_desk", "bulk/ana/cut", value)


async def resumed(gw: DeskGateway, after: timedelta) -> BulkAct:
    """The act when another process has dealt with it, which it did not before ``CUT_OFF``."""
    gw.clock.advance(LOOK + 1)
    await gw.running.settled()
    assert [act.state for act in await acts(gw)] == ["running"]
    gw.clock.advance(after.total_seconds())
    async with asyncio.timeout(10):
        while (await acts(gw))[0].state == "running":
            pass
    return (await acts(gw))[0]


async def test_an_act_that_was_cut_off_goes_on(ana: Visit, gw: DeskGateway) -> None:
    """What it had done before the process ended is neither done again nor called a failure."""
    await cut_off(gw, JULES, PHONE, NOUR)
    jules, nour = (await gw.desk.card(JULES)).conversation, (await gw.desk.card(NOUR)).conversation
    await gw.desk.resolve(JULES, ANA, epoch=jules.epoch)
    await gw.desk.claim(NOUR, BEN, epoch=nour.epoch)
    act = await resumed(gw, CUT_OFF)
    assert act.left == ((NOUR, "somebody was faster: Ben has it"),)
    assert await states(gw, JULES, PHONE, NOUR) == ["resolved", "resolved", "person"]
    lines = [(line.what, line.conversation) for line in await gw.audit() if line.what == "resolved"]
    assert sorted(lines) == [("resolved", JULES), ("resolved", PHONE)]


async def test_a_snooze_and_an_assignment_go_on(ana: Visit, gw: DeskGateway) -> None:
    """They are recognised, too."""
    await cut_off(gw, PHONE, PRIYA, name="assign", to="cleo")
    phone = (await gw.desk.card(PHONE)).conversation
    cleo = Agent(id="desk:cleo", name="Cleo")
    await gw.desk.claim(PHONE, cleo, epoch=phone.epoch)
    act = await resumed(gw, CUT_OFF)
    assert act.left == ()
    assert [await gw.owner(id) for id in (PHONE, PRIYA)] == ["desk:cleo"] * 2


async def test_an_act_that_was_cut_off_long_ago_is_given_up(ana: Visit, gw: DeskGateway) -> None:
    """Its agent has gone on; what was left undone is named."""
    await cut_off(gw, PHONE, NOUR)
    act = await resumed(gw, LOST)
    assert act.left == ((PHONE, "the server was not running"), (NOUR, "the server was not running"))
    assert await states(gw, PHONE, NOUR) == ["waiting", "waiting"]


async def test_many_conversations_take_the_statements_of_few(ana: Visit, gw: DeskGateway) -> None:
    """It is stored after every ten how far the act is."""
    ids = [item.conversation.id for item in await gw.desk.queue()]
    await cut_off(gw, *(ids * 6)[:25], name="label")
    entry = await gw.services.storage.get("agents_desk", "bulk/ana/cut")
    assert entry is not None
    act = msgspec.json.decode(entry.value, type=BulkAct).replace(label="vip")
    value = msgspec.json.encode(act).decode()
    await gw.services.storage.put("agents_desk", entry.key, value, version=entry.version)
    done = await resumed(gw, CUT_OFF)
    stored = await gw.services.storage.get("agents_desk", entry.key)
    assert (done.reached, done.left) == (25, ())
    assert stored is not None
    assert stored.version - entry.version == 1 + 1 + 3
    assert all("vip" in card.conversation.labels for card in await gw.desk.cards(ids[:3]))


async def test_labels_and_snoozes(ana: Visit, gw: DeskGateway) -> None:
    """A label is written as a key; a snooze that is not allowed is named."""
    await choose(ana, JULES, TOM, act="label", label="Two Words")
    await later(gw)
    await choose(ana, JULES, TOM, act="snooze", hours="4")
    await later(gw)
    await ana.open("/desk/list/snoozed?label=two+words")
    assert f'id="r{JULES}"' in ana.page
    assert "Snoozed for at most 4 h" in ana.page
    await choose(ana, JULES, act="unlabel", label="two words", path="snoozed")
    await later(gw)
    assert (await gw.desk.card(JULES)).conversation.labels == ()
    assert (await gw.desk.card(TOM)).conversation.labels == ("two-words",)
    assert (await gw.desk.card(TOM)).conversation.snoozed_until is None


async def test_leads_assign(ana: Visit, cleo: Visit, gw: DeskGateway) -> None:
    """Many at once; agents do not."""
    await choose(cleo, PHONE, act="assign", to="ben")
    assert "leads and admins assign" in cleo.page
    await choose(ana, PHONE, PRIYA, act="assign", to="cleo")
    await later(gw)
    assert [await gw.owner(id) for id in (PHONE, PRIYA)] == ["desk:cleo"] * 2
    lines = [(line.who, line.what, line.detail) for line in await gw.audit()]
    assert lines.count(("desk:ana", "assigned", "to desk:cleo")) == 2


async def test_agents_cannot_act_on_what_colleagues_have(cleo: Visit, gw: DeskGateway) -> None:
    """Nothing of the choice is done."""
    assert await choose(cleo, PRIYA, PHONE, act="resolve") == ""
    assert f"Conversation {PRIYA} is not yours" in cleo.page
    await later(gw)
    assert await states(gw, PRIYA, PHONE) == ["person", "waiting"]


@pytest.mark.parametrize(("chosen", "fields", "problem"), [
    ([], {"act": "resolve"}, "Choose conversations first"),
    ([MARIA], {"act": "explode"}, "Choose conversations first"),
    ([MARIA], {"act": "label", "label": " "}, "Write the label first"),
])  # fmt: skip
async def test_an_incomplete_choice_is_refused(
    ana: Visit, chosen: list[int], fields: dict[str, str], problem: str
) -> None:
    """The page says what is missing."""
    await choose(ana, *chosen, **fields)
    assert problem in ana.page


async def test_a_form_of_another_site_is_refused(ana: Visit, gw: DeskGateway) -> None:
    """Without the token of an open page."""
    await ana.open("/desk/list/all")
    answer = await ana.send("/desk/list/all/act", csrf="0" * 32, act="resolve", c=f"{JULES}-1")
    assert answer.status == 403
    assert await acts(gw) == []
