"""Slack fails in every way it can: nothing is lost, doubled or leaked."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from gateway.testing import FakeClock
from tests.agents_slack.office import SUPPORT, Office, opened, shown
from tests.agents_slack.test_replies import handed_over, notes
from tests.slack.server import Kind, SlackServer

TIMES: dict[Kind, int] = {"busy": 2, "broken": 2, "drop": 2, "cut": 1, "hang": 1}
"""What was taken is found at the next look, so that there is no second try to disturb."""


def count(office: Office, words: str) -> int:
    """Messages of the app in the support channel that hold ``words``."""
    return sum(words in shown(m) for m in office.slack.said(SUPPORT))


@pytest.mark.parametrize("kind", ["busy", "broken", "cut", "drop", "hang"])
async def test_a_card_is_posted_once(office: Office, kind: Kind) -> None:
    """Refused for now, broken, cut before or after it was taken, or never answered: one card."""
    office.slack.trouble(kind, times=TIMES[kind], after=3)
    await office.gw.customer("rest", "carla").say("Where is my parcel")
    await office.until(lambda: len(office.slack.troubles) == 0)
    office.slack.release()
    await office.until(office.cards)
    await office.quiet(20)
    assert len(office.cards()) == 1
    await office.reply(office.cards()[0], "UANA", "It left today.")
    assert await office.heard("carla", 1) == ["It left today."]


@pytest.mark.parametrize("kind", ["busy", "broken", "cut", "drop", "hang"])
async def test_a_line_of_the_thread_is_posted_once(office: Office, kind: Kind) -> None:
    """The same for what the customer says next."""
    card = await handed_over(office)
    await office.quiet()
    office.slack.trouble(kind, times=TIMES[kind], after=3)
    await office.gw.customer("rest", "carla").write("second thoughts")
    await office.until(lambda: len(office.slack.troubles) == 0)
    office.slack.release()
    await office.until(lambda: any("second thoughts" in line for line in office.thread(card)))
    await office.quiet(20)
    assert sum("second thoughts" in line for line in office.thread(card)) == 1


async def test_retry_after_is_kept_to(office: Office) -> None:
    """After a 429 nothing is posted for as long as Slack said."""
    office.slack.trouble("busy", after=17)
    await office.gw.customer("rest", "carla").say("Where is my parcel")
    await office.until(lambda: office.slack.made("chat.postMessage"))
    begun = office.clock.now()
    await office.until(office.cards)
    assert (office.clock.now() - begun).total_seconds() >= 16.5


async def test_the_desk_works_meanwhile(office: Office) -> None:
    """With Slack away a person at the desk claims, answers and resolves; Slack catches up."""
    office.slack.away = True
    await office.gw.customer("rest", "carla").say("Where is my parcel")
    una = office.gw.desk_agent("una")
    seen = await una.claim()
    await una.answer(seen, "It left today.")
    assert await office.settled_heard("carla") == ["It left today."]
    await office.quiet(10)
    office.slack.away = False
    await office.until(office.cards)
    await office.until(lambda: "With *Una*" in shown(office.cards()[0]))
    assert len(office.cards()) == 1
    assert count(office, "It left today.") == 1


async def test_a_deleted_card_comes_back(office: Office) -> None:
    """Somebody deleted it in Slack: it is posted anew, and the thread goes on there."""
    card = await handed_over(office)
    await office.quiet()
    office.slack.messages[SUPPORT].clear()
    await office.gw.customer("rest", "carla").say("hello?")
    again = await office.card()
    assert again["ts"] != card["ts"]
    await office.reply(again, "UANA", "It left today.")
    assert await office.heard("carla", 1) == ["It left today."]


async def test_a_revoked_token_is_told(office: Office) -> None:
    """Readiness says what a person must mend; once it is mended the card comes."""
    for _ in range(3):
        office.slack.trouble("error", error="not_in_channel")
    await office.gw.customer("rest", "carla").say("Where is my parcel")
    trouble = office.gw.gateway.checks()["agents_slack"]
    await office.until(trouble)
    assert "not_in_channel" in str(await trouble())
    await office.until(office.cards)
    await office.until(lambda: _mended(trouble))
    assert len(office.cards()) == 1


async def _mended(trouble: Callable[[], Awaitable[str | None]]) -> bool:
    return await trouble() is None


async def test_away_for_thirty_seconds_under_load(
    slack: SlackServer, clock: FakeClock, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Two dozen conversations, customers and agents writing all the while, Slack answering 429 and
    500, hanging, cut, and away for 30 s: each card, line, answer and note is there once."""
    people, half = 24, 12
    async with opened(slack, clock, tmp_path) as office:
        customers = [office.gw.customer("rest", f"c{i:02}") for i in range(people)]
        for customer in customers[:half]:
            await customer.write("first words")
        await office.until(lambda: len(office.cards()) >= half)
        cards = {c["text"].split()[0]: c for c in office.cards()}
        for kind in ("busy", "broken", "cut", "drop", "hang") * 3:
            office.slack.trouble(kind, after=1)
        begun = clock.now()
        for i, (name, card) in enumerate(sorted(cards.items())):
            event = await office.reply(card, "UANA", f"answer to {name}")
            await office.slack.event(event, retry=1)
            await office.reply(card, "UBEN", f"note: about {name}")
            await customers[i].write(f"{name} goes on")
            await clock.advance(0.5)
        slack.away = True
        for i, customer in enumerate(customers[half:]):
            await customer.write("first words")
            await customers[i].write(f"c{i:02} waits")
            await clock.advance(2.5)
            await office.gw.settled()
        away = (clock.now() - begun).total_seconds()
        slack.away = False
        slack.release()
        await office.until(lambda: len(office.cards()) >= people, 60)
        await office.until(
            lambda: sum("waits" in shown(m) for m in slack.said(SUPPORT)) >= half, 60
        )
        for name in sorted(cards):
            await office.heard(name, 1)
        await office.quiet(30)
        assert slack.troubles == []
        figures = await counted(office, sorted(cards), people)
        with capsys.disabled():
            calls = Counter(str(call.status) for call in slack.calls)
            print(f"\nagents_slack outage: {away:.0f} s, {figures}, calls by status {dict(calls)}")  # noqa: T201
        assert figures == {
            "cards": people, "doubled cards": 0, "answers": half, "doubled answers": 0,
            "notes": half, "doubled notes": 0, "leaked notes": 0, "lines": people,
            "doubled lines": 0,
        }  # fmt: skip


async def counted(office: Office, names: list[str], people: int) -> dict[str, int]:
    """What there is of each kind, and what there is too much of."""
    cards = Counter(card["text"].split()[0] for card in office.cards())
    heard = {name: await office.settled_heard(name) for name in names}
    ids = {
        item.customer.id: item.conversation for item in await office.gw.services.desk.queue()
    }.values()
    kept = Counter([note for one in ids for note in await notes(office, one.id)])
    lines = Counter(
        line
        for card in office.cards()
        for line in office.thread(card)
        if "goes on" in line or "waits" in line
    )
    answers = Counter(text for said in heard.values() for text in said)
    assert len(cards) <= people
    return {
        "cards": len(cards),
        "doubled cards": sum(cards.values()) - len(cards),
        "answers": len(answers),
        "doubled answers": sum(answers.values()) - len(answers),
        "notes": len(kept),
        "doubled notes": sum(kept.values()) - len(kept),
        "leaked notes": sum("about" in text for said in heard.values() for text in said),
        "lines": len(lines),
        "doubled lines": sum(lines.values()) - len(lines),
    }


async def test_a_restart_in_the_middle(
    slack: SlackServer, clock: FakeClock, tmp_path: Path
) -> None:
    """Stopped while a card hangs, a line is cut and replies wait: the next process finds what
    Slack has, and ends what was begun, once."""
    async with opened(slack, clock, tmp_path) as office:
        card = await handed_over(office, "carla")
        await office.quiet()
        slack.trouble("cut", method="chat.postMessage")
        await office.gw.customer("rest", "carla").write("second thoughts")
        await office.until(lambda: len(slack.troubles) == 0)
        slack.away = True
        await office.gw.customer("rest", "dora").write("my turn")
        await office.gw.settled()
        slack.away = False
    async with opened(slack, clock, tmp_path, grace=5) as office:
        await office.card(2)
        await office.reply(card, "UANA", "It left today.")
        await office.reply(card, "UBEN", CARD)
    async with opened(slack, clock, tmp_path, grace=5) as office:
        assert await office.heard("carla", 1) == ["It left today."]
        await office.until(lambda: office.told("UBEN"))
        await office.quiet(20)
        assert sum("second thoughts" in line for line in office.thread(card)) == 1
        assert len(office.cards()) == 2
        assert await office.heard("carla", 1) == ["It left today."]
        await office.click_told("UBEN", "agents:reply:drop")
    async with opened(slack, clock, tmp_path) as office:
        await office.quiet(20)
        assert await office.heard("carla", 1) == ["It left today."]
        assert len(office.cards()) == 2


CARD = "Your card 4111 1111 1111 1111 was charged."


async def test_a_note_that_was_made_is_found(
    slack: SlackServer, clock: FakeClock, tmp_path: Path
) -> None:
    """Cut off between the desk's commit and ours: the note is not made again."""
    async with opened(slack, clock, tmp_path) as office:
        card = await handed_over(office)
        desk = office.gw.services.desk
        made = asyncio.Event()
        real = desk.note

        async def then_dies(*arguments: object) -> object:
            await real(*arguments)  # type: ignore[arg-type]
            made.set()
            raise asyncio.CancelledError

        desk.note = then_dies  # type: ignore[method-assign, assignment]
        await office.reply(card, "UANA", "note: he rang before")
        await office.until(made.is_set)
    async with opened(slack, clock, tmp_path) as office:
        await office.until(lambda: notes(office))
        await office.quiet(10)
        assert await notes(office) == ["he rang before"]
