"""Slack fails in every way it can: nothing is lost, doubled or leaked."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from gateway.testing import FakeClock
from tests.agents_slack.support_channel import SUPPORT, SupportChannel, opened, shown
from tests.agents_slack.test_replies import handed_over, notes
from tests.slack.server import Kind, SlackServer

TIMES: dict[Kind, int] = {"busy": 2, "broken": 2, "drop": 2, "cut": 1, "hang": 1}
"""A post that arrived is found when read back, so there is no second try to fail."""


def count(support: SupportChannel, text: str) -> int:
    """Messages of the app in the support channel that contain ``text``."""
    return sum(text in shown(m) for m in support.slack.said(SUPPORT))


@pytest.mark.parametrize("kind", ["busy", "broken", "cut", "drop", "hang"])
async def test_a_card_is_posted_once(support: SupportChannel, kind: Kind) -> None:
    """Refused for now, broken, cut before or after it was taken, or never answered: one card."""
    support.slack.trouble(kind, times=TIMES[kind], after=3)
    await support.gw.customer("rest", "carla").say("Where is my parcel")
    await support.until(lambda: len(support.slack.troubles) == 0)
    support.slack.release()
    await support.until(support.cards)
    await support.quiet(20)
    assert len(support.cards()) == 1
    await support.reply(support.cards()[0], "UANA", "It left today.")
    assert await support.received("carla", 1) == ["It left today."]


@pytest.mark.parametrize("kind", ["busy", "broken", "cut", "drop", "hang"])
async def test_a_thread_message_is_posted_once(support: SupportChannel, kind: Kind) -> None:
    """The same for what the customer says next."""
    card = await handed_over(support)
    await support.quiet()
    support.slack.trouble(kind, times=TIMES[kind], after=3)
    await support.gw.customer("rest", "carla").write("second thoughts")
    await support.until(lambda: len(support.slack.troubles) == 0)
    support.slack.release()
    await support.until(lambda: any("second thoughts" in line for line in support.thread(card)))
    await support.quiet(20)
    assert sum("second thoughts" in line for line in support.thread(card)) == 1


async def test_retry_after_is_respected(support: SupportChannel) -> None:
    """After a 429 nothing is posted for as long as Slack asked."""
    support.slack.trouble("busy", after=17)
    await support.gw.customer("rest", "carla").say("Where is my parcel")
    await support.until(lambda: support.slack.made("chat.postMessage"))
    begun = support.clock.now()
    await support.until(support.cards)
    assert (support.clock.now() - begun).total_seconds() >= 16.5


async def test_the_desk_works_during_an_outage(support: SupportChannel) -> None:
    """An agent claims and answers there; the card catches up."""
    support.slack.away = True
    await support.gw.customer("rest", "carla").say("Where is my parcel")
    una = support.gw.desk_agent("una")
    seen = await una.claim()
    await una.answer(seen, "It left today.")
    assert await support.settled_received("carla") == ["It left today."]
    await support.quiet(10)
    support.slack.away = False
    await support.until(support.cards)
    await support.until(lambda: "With *Una*" in shown(support.cards()[0]))
    assert len(support.cards()) == 1
    await support.until(lambda: count(support, "*Una* answered:\nIt left today."))
    await support.quiet()
    assert count(support, "*Una* answered:\nIt left today.") == 1


async def test_a_deleted_card_is_posted_again(support: SupportChannel) -> None:
    """Its thread goes on there."""
    card = await handed_over(support)
    await support.quiet()
    support.slack.messages[SUPPORT].clear()
    await support.gw.customer("rest", "carla").say("hello?")
    again = await support.card()
    assert again["ts"] != card["ts"]
    await support.reply(again, "UANA", "It left today.")
    assert await support.received("carla", 1) == ["It left today."]


async def test_a_refused_channel_is_reported(support: SupportChannel) -> None:
    """Readiness says what a person must mend. Then the card is posted."""
    for _ in range(3):
        support.slack.trouble("error", error="not_in_channel")
    await support.gw.customer("rest", "carla").say("Where is my parcel")
    trouble = support.gw.gateway.checks()["agents_slack"]
    await support.until(trouble)
    assert "not_in_channel" in str(await trouble())
    await support.until(support.cards)
    await support.until(lambda: _mended(trouble))
    assert len(support.cards()) == 1


async def _mended(trouble: Callable[[], Awaitable[str | None]]) -> bool:
    return await trouble() is None


async def test_an_outage_under_load_loses_and_doubles_nothing(
    slack: SlackServer, clock: FakeClock, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Customers and agents of two dozen conversations write while Slack answers 429 and 500, hangs,
    disconnects, and is away for 30 s. Each card, message, answer and note is there once."""
    people, half = 24, 12
    async with opened(slack, clock, tmp_path) as support:
        customers = [support.gw.customer("rest", f"c{i:02}") for i in range(people)]
        for customer in customers[:half]:
            await customer.write("first words")
        await support.until(lambda: len(support.cards()) >= half)
        cards = {c["text"].split()[0]: c for c in support.cards()}
        for kind in ("busy", "broken", "cut", "drop", "hang") * 3:
            support.slack.trouble(kind, after=1)
        begun = clock.now()
        for i, (name, card) in enumerate(sorted(cards.items())):
            event = await support.reply(card, "UANA", f"answer to {name}")
            await support.slack.event(event, retry=1)
            await support.reply(card, "UBEN", f"note: about {name}")
            await customers[i].write(f"{name} goes on")
            await clock.advance(0.5)
        slack.away = True
        for i, customer in enumerate(customers[half:]):
            await customer.write("first words")
            await customers[i].write(f"c{i:02} waits")
            await clock.advance(2.5)
            await support.gw.settled()
        away = (clock.now() - begun).total_seconds()
        slack.away = False
        slack.release()
        await support.until(lambda: len(support.cards()) >= people, 60)
        await support.until(
            lambda: sum("waits" in shown(m) for m in slack.said(SUPPORT)) >= half, 60
        )
        for name in sorted(cards):
            await support.received(name, 1)
        await support.quiet(30)
        assert slack.troubles == []
        figures = await counted(support, sorted(cards), people)
        with capsys.disabled():
            calls = Counter(str(call.status) for call in slack.calls)
            print(f"\nagents_slack outage: {away:.0f} s, {figures}, calls by status {dict(calls)}")  # noqa: T201
        assert figures == {
            "cards": people, "doubled cards": 0, "answers": half, "doubled answers": 0,
            "notes": half, "doubled notes": 0, "leaked notes": 0, "lines": people,
            "doubled lines": 0,
        }  # fmt: skip


async def counted(support: SupportChannel, names: list[str], people: int) -> dict[str, int]:
    """How many there are of each kind, and how many too many."""
    cards = Counter(card["text"].split()[0] for card in support.cards())
    received = {name: await support.settled_received(name) for name in names}
    conversations = {
        item.customer.id: item.conversation for item in await support.gw.services.desk.queue()
    }.values()
    kept = Counter(
        [note for conversation in conversations for note in await notes(support, conversation.id)]
    )
    lines = Counter(
        line
        for card in support.cards()
        for line in support.thread(card)
        if "goes on" in line or "waits" in line
    )
    answers = Counter(text for texts in received.values() for text in texts)
    assert len(cards) <= people
    return {
        "cards": len(cards),
        "doubled cards": sum(cards.values()) - len(cards),
        "answers": len(answers),
        "doubled answers": sum(answers.values()) - len(answers),
        "notes": len(kept),
        "doubled notes": sum(kept.values()) - len(kept),
        "leaked notes": sum("about" in text for texts in received.values() for text in texts),
        "lines": len(lines),
        "doubled lines": sum(lines.values()) - len(lines),
    }


async def test_a_restart_finishes_what_was_begun(
    slack: SlackServer, clock: FakeClock, tmp_path: Path
) -> None:
    """Stopped while a post is cut off, a card is due and replies wait: the next process finds what
    Slack has and finishes the rest, once."""
    async with opened(slack, clock, tmp_path) as support:
        card = await handed_over(support, "carla")
        await support.quiet()
        slack.trouble("cut", method="chat.postMessage")
        await support.gw.customer("rest", "carla").write("second thoughts")
        await support.until(lambda: len(slack.troubles) == 0)
        slack.away = True
        await support.gw.customer("rest", "dora").write("my turn")
        await support.gw.settled()
        slack.away = False
    async with opened(slack, clock, tmp_path, grace=5) as support:
        await support.card(2)
        await support.reply(card, "UANA", "It left today.")
        await support.reply(card, "UBEN", CARD)
    async with opened(slack, clock, tmp_path, grace=5) as support:
        assert await support.received("carla", 1) == ["It left today."]
        await support.until(lambda: support.notices("UBEN"))
        await support.quiet(20)
        assert sum("second thoughts" in line for line in support.thread(card)) == 1
        assert len(support.cards()) == 2
        assert await support.received("carla", 1) == ["It left today."]
        await support.click_notice("UBEN", "agents:reply:drop")
    async with opened(slack, clock, tmp_path) as support:
        await support.quiet(20)
        assert await support.received("carla", 1) == ["It left today."]
        assert len(support.cards()) == 2


CARD = "Your card 4111 1111 1111 1111 was charged."


async def test_a_note_is_not_made_twice_after_a_crash(
    slack: SlackServer, clock: FakeClock, tmp_path: Path
) -> None:
    """The crash comes between the desk's commit and ours."""
    async with opened(slack, clock, tmp_path) as support:
        card = await handed_over(support)
        desk = support.gw.services.desk
        made = asyncio.Event()
        real = desk.note

        async def then_crashes(*arguments: object) -> object:
            await real(*arguments)  # type: ignore[arg-type]
            made.set()
            raise asyncio.CancelledError

        desk.note = then_crashes  # type: ignore[method-assign, assignment]
        await support.reply(card, "UANA", "note: he rang before")
        await support.until(made.is_set)
    async with opened(slack, clock, tmp_path) as support:
        await support.until(lambda: notes(support))
        await support.quiet(10)
        assert await notes(support) == ["he rang before"]
