"""Cards of many conversations: the same as one by one, by no more statements."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway import Reply, Turn
from gateway.testing import FakeChannel, FakeHandler, RunningGateway, running
from tests.store.test_queue import ANA, claim, hand_over, let_wait, selects, statements

__all__ = ["statements"]


def answer(turn: Turn) -> Reply:
    """A person is asked for by those who write so; everybody else gets an answer."""
    found = hand_over(turn) if "person" in turn.message.text else None
    return found or Reply(body=(f"It is {turn.message.text}.",))


async def ids(gw: RunningGateway) -> list[int]:
    return [item.conversation.id for item in await gw.services.desk.queue()]


async def test_many_cards_are_the_cards_of_each(tmp_path: Path) -> None:
    """In the order that was asked for. Unknown conversations are left out."""
    async with running(FakeHandler(answer), FakeChannel(), tmp_path=tmp_path) as gw:
        await let_wait(gw, 3)
        await gw.customer("fake", "c1").say("blue")
        [first, second, third] = await ids(gw)
        desk = gw.services.desk
        [item] = [each for each in await desk.queue() if each.conversation.id == second]
        await claim(gw, item)
        await desk.note(second, ANA, "for colleagues")
        await desk.label(third, ANA, add=("vip",))
        wanted = [third, 999, first, second]
        found = await desk.cards(wanted)
        assert found == tuple([await desk.card(id) for id in (third, first, second)])
        assert [message.text for message in found[2].messages if message.author == "agent"] == [
            "for colleagues"
        ]
        assert found[0].conversation.labels == ("vip",)
        assert await desk.cards(()) == ()


async def test_a_card_has_the_newest_messages(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of each conversation as many, however long the others are."""
    monkeypatch.setattr("gateway.adapters.sql.pages.cards.MOST_MESSAGES", 4)
    async with running(FakeHandler(answer), FakeChannel(), tmp_path=tmp_path) as gw:
        for number in range(4):
            await gw.customer("fake", "ana").say(f"number {number}")
        await gw.customer("fake", "ben").say("red")
        cards = await gw.services.desk.cards([1, 2])
        assert [[message.text for message in card.messages] for card in cards] == [
            ["number 2", "It is number 2.", "number 3", "It is number 3."],
            ["red", "It is red."],
        ]


async def test_headings_and_messages(tmp_path: Path) -> None:
    """By id; what is not there is missing."""
    async with running(FakeHandler(answer), FakeChannel(), tmp_path=tmp_path) as gw:
        await gw.customer("fake", "ana").say("red")
        await gw.customer("fake", "ben").say("blue")
        desk = gw.services.desk
        cards = await desk.cards([1, 2])
        headings = await desk.headings([2, 1, 77])
        assert {id: (each.conversation, each.customer) for id, each in headings.items()} == {
            card.conversation.id: (card.conversation, card.customer) for card in cards
        }
        said = cards[1].messages[0]
        assert await desk.messages([said.id, 10_000]) == {said.id: said}
        assert (await desk.headings(()), await desk.messages(())) == ({}, {})


@pytest.mark.sqlite
async def test_many_cards_take_the_statements_of_one(tmp_path: Path, statements: list[str]) -> None:
    """The same few for one conversation and for twelve."""
    async with running(FakeHandler(hand_over), FakeChannel(), tmp_path=tmp_path) as gw:
        await let_wait(gw, 12)
        every = await ids(gw)
        counts = []
        for some in (every[:1], every):
            statements.clear()
            assert len(await gw.services.desk.cards(some)) == len(some)
            # Meanwhile other parts of the gateway ask as well, for one row at a time.
            counts.append(selects([text for text in statements if " IN (" in text]))
        assert counts == [12, 12]
