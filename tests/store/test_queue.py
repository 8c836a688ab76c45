"""The queue: complete, in order, page by page, and read with one statement."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine, event

from gateway import Address, Agent, QueueItem, Reason, Reply, Turn
from gateway.adapters.encryption import DataKeys, new_key
from gateway.testing import FakeChannel, FakeHandler, RunningGateway, running

ANA = Agent(id="desk:ana", name="Ana")
URGENT = "Ich habe mich verbrannt"


def hand_over(turn: Turn) -> Reply | None:
    if turn.kind != "message":
        return None
    return Reply(
        body=("A colleague will answer.",),
        purpose="handover",
        escalate=(Reason(code="asked_for_person"),),
    )


@pytest.fixture
def statements() -> Iterator[list[str]]:
    """What is asked of every SQLite connection that opens from now on."""
    seen: list[str] = []

    def trace(connection: object, _: object) -> None:
        if hasattr(connection, "set_trace_callback"):
            connection.set_trace_callback(seen.append)

    event.listen(Engine, "connect", trace)
    yield seen
    event.remove(Engine, "connect", trace)


def selects(statements: list[str]) -> int:
    return sum(statement.lstrip().upper().startswith("SELECT") for statement in statements)


async def let_wait(gw: RunningGateway, count: int) -> None:
    for number in range(count):
        await gw.customer("fake", f"c{number}").say(f"person {number}")


async def claim(gw: RunningGateway, item: QueueItem) -> None:
    id, epoch = item.conversation.id, item.conversation.epoch
    await gw.services.desk.claim(id, ANA, epoch=epoch)


@pytest.mark.parametrize("waiting", [1, 12])
@pytest.mark.sqlite
async def test_the_queue_is_one_statement(
    tmp_path: Path, statements: list[str], waiting: int
) -> None:
    """However many conversations wait; nothing more is asked for each of them."""
    async with running(FakeChannel(), FakeHandler(hand_over), tmp_path=tmp_path) as gw:
        await let_wait(gw, waiting)
        await gw.gateway.indexer.catch_up()  # its statements are not the queue's
        statements.clear()
        assert len(await gw.services.desk.queue()) == waiting
        assert selects(statements) == 1


@pytest.mark.sqlite
async def test_a_turn_does_not_wait_for_pages(tmp_path: Path) -> None:
    """While a page is read, however long that takes, turns read on another connection."""
    async with running(FakeChannel(), FakeHandler(hand_over), tmp_path=tmp_path) as gw:
        loop, answered = asyncio.get_running_loop(), asyncio.Event()

        def slow(_: object) -> None:
            asyncio.run_coroutine_threadsafe(answered.wait(), loop).result(10)

        page = asyncio.create_task(gw.gateway.database.read(slow, long=True))
        customer = gw.customer("fake", "c1")
        await customer.say("hello")
        assert customer.heard == ["A colleague will answer."]
        assert not page.done()
        answered.set()
        await page


async def test_the_queue_has_what_a_desk_shows(tmp_path: Path, stored_in: str) -> None:
    """The customer's last words, their mood, and since when they wait for a person's answer."""
    async with running(FakeChannel(), FakeHandler(hand_over), tmp_path=tmp_path) as gw:
        carla = gw.customer("fake", "carla")
        await carla.say("person, please")
        await carla.say("  I am\n still   here " + "x" * 200)
        [item] = await gw.services.desk.queue()
        card = await gw.services.desk.card(item.conversation.id)
        said = [message for message in card.messages if message.author == "customer"]
        assert item.preview == ("I am still here " + "x" * 200)[:139] + "…"
        assert item.waiting_since == said[0].at
        assert said[1].understanding
        assert item.mood == said[1].understanding.emotion
        assert (item.conversation, item.customer) == (card.conversation, card.customer)
        assert item.handoff == card.handoff
        await claim(gw, item)
        await gw.services.desk.answer(item.conversation.id, ANA, "Yes?", key="k")
        await gw.settled()
        await carla.say("at last")
        [item] = await gw.services.desk.queue()
        assert (item.held, item.preview) == (True, "at last")
        assert item.waiting_since > said[1].at


async def test_own_conversations_are_shown_however_many_wait(
    tmp_path: Path, stored_in: str
) -> None:
    """A page of the queue has all that people have, and the count of all that wait."""
    async with running(FakeChannel(), FakeHandler(hand_over), tmp_path=tmp_path) as gw:
        await let_wait(gw, 8)
        *_, last = await gw.services.desk.queue()
        await claim(gw, last)
        page = await gw.services.desk.queue_page(most=3)
        assert [item.conversation.id for item in page.held] == [last.conversation.id]
        assert (len(page.waiting), page.count) == (3, 7)


async def test_pages_of_the_queue_neither_skip_nor_repeat(tmp_path: Path, stored_in: str) -> None:
    """Also when somebody claims a conversation of an earlier page meanwhile."""
    async with running(FakeChannel(), FakeHandler(hand_over), tmp_path=tmp_path) as gw:
        await let_wait(gw, 7)
        everything = [item.conversation.id for item in await gw.services.desk.queue()]
        first = await gw.services.desk.queue_page(most=3)
        await claim(gw, first.waiting[0])
        second = await gw.services.desk.queue_page(after=first.waiting[-1].position, most=3)
        third = await gw.services.desk.queue_page(after=second.waiting[-1].position, most=3)
        parts = [item.conversation.id for p in (first, second, third) for item in p.waiting]
        assert parts == everything
        assert (await gw.services.desk.queue_page(after=third.waiting[-1].position)).waiting == ()


async def test_the_most_urgent_come_first(tmp_path: Path, stored_in: str) -> None:
    """By priority, then in the order in which they came."""

    def by_text(turn: Turn) -> Reply | None:
        reply = hand_over(turn)
        if reply is None or turn.message.text != URGENT:
            return reply
        return reply.replace(escalate=(Reason(code="harm"),))

    async with running(FakeChannel(), FakeHandler(by_text), tmp_path=tmp_path) as gw:
        await let_wait(gw, 2)
        await gw.customer("fake", "burnt").say(URGENT)
        queue = await gw.services.desk.queue()
        priorities = [item.handoff.priority for item in queue]
        assert priorities == sorted(priorities, reverse=True)
        assert queue == (await gw.services.desk.queue_page()).items


async def test_only_what_changed_is_decrypted_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Sealed texts are opened for rows that a page shows, and once for as long as they stay."""
    opened: list[str] = []
    real = DataKeys.open

    def counted(self: DataKeys, text: str, place: str) -> str:
        opened.append(place)
        return real(self, text, place)

    monkeypatch.setattr(DataKeys, "open", counted)
    environ = {"WARMLINE_DATA_KEY": new_key()}
    async with running(
        FakeChannel(), FakeHandler(hand_over), tmp_path=tmp_path, environ=environ
    ) as gw:
        await let_wait(gw, 5)
        page = await gw.services.desk.queue_page(most=2)
        opened.clear()
        assert await gw.services.desk.queue_page(most=2) == page
        assert opened == []
        await gw.customer("fake", "c0").say("again")
        opened.clear()
        changed = await gw.services.desk.queue_page(most=2)
        assert [item.preview for item in changed.waiting] == ["again", "person 1"]
        assert {place.split(":", 1)[1] for place in opened} <= {"fake:c0", "", "1"}


async def test_an_erased_customer_is_not_in_the_queue(tmp_path: Path, stored_in: str) -> None:
    """Nothing that was kept from the last read shows them again."""
    async with running(FakeChannel(), FakeHandler(hand_over), tmp_path=tmp_path) as gw:
        await let_wait(gw, 2)
        assert len((await gw.services.desk.queue_page()).waiting) == 2
        await gw.gateway.store.customers.erase(Address(channel="fake", value="c0"))
        [left] = (await gw.services.desk.queue_page()).waiting
        assert left.preview == "person 1"
