"""Promises: stored, settled, shown to somebody, acknowledged; they survive and are erased."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from gateway import Agent, Clock, Reason, Reply, Route, Turn, Unfilled
from gateway.pipeline.answering import HandlerAnswer
from gateway.store import WorkItem
from gateway.testing import FakeChannel, FakeClock, FakeHandler, PlainVoice, RunningGateway, running
from plugins.agents_desk.case.promises import PromiseBoard
from plugins.followup.texts import TEXTS
from tests.agents_desk.conversations import JumpClock
from tests.engines.helpers import make_turn
from tests.routing import dialogue

MONDAY = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)
PROMISE = "I will post it on Friday."


def hand_over(turn: Turn) -> Reply | None:
    if turn.kind != "message":
        return None
    why = (Reason(code="asked_for_person"),)
    return Reply(body=("A colleague will answer you.",), purpose="handover", escalate=why)


def shop(
    tmp_path: Path, clock: Clock | None = None, *plugins: object
) -> AbstractAsyncContextManager[RunningGateway]:
    parts = (FakeChannel(), FakeHandler(hand_over), PlainVoice(), *plugins)
    return running(*parts, tmp_path=tmp_path, clock=clock or FakeClock(MONDAY))


async def promise(gw: RunningGateway, text: str = PROMISE) -> int:
    """Mia asks, Ana promises; the id of the conversation."""
    mia, ana = gw.customer("fake", "mia"), gw.desk_agent("ana")
    await mia.say("Where is my lamp? Can a person help?")
    card = await ana.claim()
    await ana.answer(card, text)
    await gw.settled()
    return card.conversation.id


async def test_a_promise_is_stored_with_its_time(tmp_path: Path) -> None:
    """What Ana wrote, by whom and until when; the end of the day, in the business's zone."""
    async with shop(tmp_path) as gw:
        number = await promise(gw)
        [made] = (await gw.services.desk.card(number)).promises
        assert made.words == PROMISE
        assert made.agent == gw.desk_agent("ana").agent
        assert (made.kind, made.state) == ("send", "open")
        assert made.due == datetime(2026, 3, 6, 23, 59, tzinfo=UTC)
        assert made.remind_at == datetime(2026, 3, 6, 8, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("later", "state"),
    [
        ("I have just posted it.", "kept"),
        ("Thank you for your patience so far!", "open"),
        ("I am sorry, I will post it on Saturday.", "replaced"),
    ],
)
async def test_a_later_message_settles_it(tmp_path: Path, later: str, state: str) -> None:
    """A message that does it keeps it, a new promise replaces it, any other leaves it open."""
    async with shop(tmp_path) as gw:
        number = await promise(gw)
        await gw.desk_agent("ana").answer(await gw.services.desk.card(number), later)
        await gw.settled()
        assert (await gw.services.desk.card(number)).promises[0].state == state


async def test_one_click_settles_it(tmp_path: Path) -> None:
    """The card's button says it is kept, once, with a line in the history and in the audit log."""
    async with shop(tmp_path) as gw:
        number = await promise(gw)
        desk, ana = gw.services.desk, gw.desk_agent("ana").agent
        [made] = (await desk.card(number)).promises
        kept = await desk.settle_promise(number, made.id, ana, kept=True)
        again = await desk.settle_promise(number, made.id, ana, kept=False)
        assert kept.state == again.state == "kept"
        lines = await gw.services.audit.lines(conversation=number)
        assert [line.what for line in lines].count("promise_kept") == 1
        assert "marked a promise as kept" in (await desk.card(number)).messages[-1].text


async def test_an_overdue_promise_is_said_once_and_comes_up_first(tmp_path: Path) -> None:
    """After its time the history says so, and the desk lists it."""
    clock = FakeClock(MONDAY)
    async with shop(tmp_path, clock) as gw:
        number = await promise(gw)
        assert await gw.services.desk.promises_due() == ()
        await gw.pass_time(4 * 86_400)
        await gw.pass_time(86_400)
        lines = [m.text for m in (await gw.services.desk.card(number)).messages]
        assert [t for t in lines if t.startswith("Overdue")] == [
            f"Overdue: Ana promised “{PROMISE}”"
        ]
        [due] = await gw.services.desk.promises_due()
        assert due.promise.is_overdue(clock.now())


def board_of(gw: RunningGateway, here: set[str]) -> PromiseBoard:
    async def is_at_work(agent: str, _at: datetime) -> bool:
        return agent in here

    return PromiseBoard(gw.services, is_at_work)


async def shown(board: PromiseBoard, gw: RunningGateway, agent: Agent) -> list[bool]:
    """Of each promise that ``agent`` is shown, whether it is broken."""
    now = gw.services.clock.now()
    return [due.promise.is_overdue(now) for due in await board.of(agent, now)]


async def test_a_broken_promise_of_somebody_away_comes_up_at_the_teams_desks(
    tmp_path: Path,
) -> None:
    """Ben sees Ana's only while she is away, and not if he may not read what colleagues have."""
    async with shop(tmp_path) as gw:
        await promise(gw)
        ana, ben = gw.desk_agent("ana").agent, gw.desk_agent("ben").agent
        here = {ana.id}
        board = board_of(gw, here)
        await gw.pass_time(4 * 86_400 + 3_600)
        assert await shown(board, gw, ana) == [False]
        assert await shown(board, gw, ben) == []
        await gw.pass_time(86_400)
        assert await shown(board, gw, ana) == [True]
        assert await shown(board, gw, ben) == []
        here.clear()
        assert await shown(board, gw, ben) == [True]
        now = gw.services.clock.now()
        assert await board.of(ben, now, sees_all=False) == ()


async def test_a_reply_that_is_replaced_promises_nothing(tmp_path: Path) -> None:
    """Whoever waits hears about their address instead: the customer never got the promise."""
    async with shop(tmp_path) as gw:
        builder = gw.gateway.pipeline.outcomes
        turn = make_turn("ada@example.org", route=Route(action="automate"))
        work = WorkItem(
            id=1, lane="fake:c1", kind="message", attempts=0, at=turn.at, customer=turn.customer
        )
        promised = HandlerAnswer(turn=turn, reply=Reply(body=("I will call you tomorrow.",)))
        outcome = builder.answered(work, promised, None)
        assert len(outcome.promises) == len(outcome.timers) == 1
        waiting = turn.replace(route=Route(action="pass"))
        told = HandlerAnswer(turn=waiting, reply=Reply(body=("I have sent a code.",)))
        extended = builder.extended(outcome, waiting, told)
        assert [message.text for message in extended.replies] == ["I have sent a code."]
        assert (extended.promises, extended.timers) == ((), ())


@pytest.mark.parametrize(("general", "promises"), [(False, 1), (True, 0)])
async def test_what_holds_for_everybody_promises_nothing(
    tmp_path: Path, general: bool, promises: int
) -> None:
    """Of a refund within two weeks on a page, nobody is reminded; of one that somebody answers
    with, they are."""

    def refund(turn: Turn) -> Reply | None:
        return Reply(body=("We will refund you within 14 days.",), general=general)

    async with shop(tmp_path, None, FakeHandler(refund, name="pages", priority=1)) as gw:
        mia = gw.customer("fake", "mia")
        await mia.say("When do I get my money?")
        assert mia.heard == ["We will refund you within 14 days."]
        [asked, _] = await gw.services.mailbox.messages(mia.address, own=True)
        card = await gw.services.desk.card(asked.conversation)
        assert len(card.promises) == promises


async def test_promises_are_exported_and_erased_and_survive_a_restart(tmp_path: Path) -> None:
    """They are the customer's data, stored with the conversation."""
    clock = FakeClock(MONDAY)
    async with shop(tmp_path, clock) as gw:
        number = await promise(gw)
    async with shop(tmp_path, clock) as gw:
        address = gw.customer("fake", "mia").address
        assert len((await gw.services.desk.card(number)).promises) == 1
        customers = gw.gateway.store.customers
        export = await customers.export(address)
        assert isinstance(export, dict)
        assert len(export["promises"]) == 1
        await customers.erase(address)
        await gw.pass_time(10 * 86_400)
        assert await gw.services.desk.promises_due() == ()


async def test_the_survey_acknowledges_a_broken_promise(tmp_path: Path) -> None:
    """Its first words own it."""
    async with dialogue.shop(tmp_path) as gw:
        mia, ana = gw.customer("fake", "mia"), gw.desk_agent("ana")
        await mia.say("delivery, and a human please")
        card = await ana.claim()
        await ana.answer(card, "I will post it tomorrow.")
        await gw.pass_time(3 * 86_400)
        await ana.resolve(card)
        await gw.pass_time(86_400)
        await mia.listen()
        assert TEXTS.openers["broken"]["en"] in mia.heard


async def test_a_gap_is_not_sent(tmp_path: Path) -> None:
    """A draft with […] is refused, and says which gap."""
    async with shop(tmp_path) as gw:
        number = await promise(gw)
        with pytest.raises(Unfilled, match="only if it was sent"):
            await gw.services.desk.answer(
                number,
                gw.desk_agent("ana").agent,
                "Hello! [… only if it was sent: I have posted it.]",
                key="g",
            )


async def test_none_is_overdue_unseen_over_a_month(tmp_path: Path) -> None:
    """Thirty days with promises by two people who are often away: every broken one is at the desk
    of somebody who is there within an hour of the first working hour after its time."""
    clock = JumpClock(MONDAY)
    async with shop(tmp_path, clock) as gw:
        agents = [gw.desk_agent(name) for name in ("ana", "ben")]
        here: set[str] = set()
        board = board_of(gw, here)
        texts = ("I will post it tomorrow.", "I'll call you back in two hours.",
                 "You will hear from us by Friday.")  # fmt: skip
        unseen: dict[int, int] = {}
        made = seen_broken = 0
        seen: set[int] = set()
        for hour in range(30 * 24):
            day, clock_hour = divmod(hour + 10, 24)
            working = 8 <= clock_hour < 18 and day % 7 < 5
            here.clear()
            if working:  # they take turns; in the second week Ana is on leave
                here.add(agents[1 if 7 <= day < 14 else day % 2].agent.id)
            if working and clock_hour in (10, 15):
                customer = gw.customer("fake", f"c{hour}")
                await customer.say("Where is my lamp? Can a person help?")
                agent = next(a for a in agents if a.agent.id in here)
                await agent.answer(await agent.claim(), texts[made % len(texts)])
                await gw.settled()
                made += 1
            clock.set(MONDAY + timedelta(hours=hour + 1))
            now = clock.now()
            late = {d.promise.id for d in await gw.services.desk.promises_due()
                    if d.promise.is_overdue(now)}  # fmt: skip
            for person in (a.agent for a in agents if a.agent.id in here):
                shown_now = await board.of(person, now)
                seen |= {d.promise.id for d in shown_now if d.promise.is_overdue(now)}
            for number in late:
                unseen[number] = 0 if number in seen or not working else unseen.get(number, 0) + 1
            assert max(unseen.values(), default=0) <= 1
            seen_broken = len(seen)
        assert made >= 40
        assert seen_broken >= made - 4
