"""Who reads a conversation and who writes in it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from aiohttp import ClientTimeout

from gateway import Agent, Event
from plugins.agents_desk.composing.presence import (
    MOST_CONVERSATIONS,
    READS_FOR,
    WRITES_FOR,
    ConversationPresence,
    describe_people,
)
from tests.agents_desk.conftest import Visit
from tests.agents_desk.conversations import ANA, BEN, MARIA, PRIYA, DeskGateway, JumpClock
from tests.conftest import until

CLEO = Agent(id="desk:cleo", name="Cleo")


class Wire:
    """Live events that every process hears."""

    def __init__(self) -> None:
        self.processes: list[ConversationPresence] = []

    def publish(self, event: Event) -> None:
        for process in self.processes:
            process.note(event)

    def listen(self, topic: str) -> Any:
        raise NotImplementedError


def processes(clock: JumpClock) -> tuple[ConversationPresence, ConversationPresence]:
    wire = Wire()
    one, other = (ConversationPresence(wire, clock) for _ in range(2))
    wire.processes += [one, other]
    return one, other


def test_every_process_sees_everybody() -> None:
    """Who writes comes first; nobody sees themselves; other conversations are others'."""
    one, other = processes(JumpClock())
    one.publish(1, BEN, "reading")
    other.publish(1, ANA, "writing")
    one.publish(2, CLEO, "reading")
    for process in (one, other):
        seen = describe_people(process.others(1, CLEO))
        assert seen == "Ana is writing · Ben is reading"
        assert describe_people(process.others(1, ANA)) == "Ben is reading"


def test_it_ends_by_itself() -> None:
    """Who stops typing still reads; who sends no sign of life is gone; who leaves, at once."""
    clock = JumpClock()
    one, other = processes(clock)
    one.publish(1, ANA, "writing")
    clock.advance(WRITES_FOR.total_seconds())
    assert describe_people(other.others(1, BEN)) == "Ana is reading"
    one.publish(1, CLEO, "reading")
    one.publish(1, CLEO, "left")
    assert describe_people(other.others(1, BEN)) == "Ana is reading"
    clock.advance((READS_FOR - WRITES_FOR).total_seconds())
    assert other.others(1, BEN) == ()


def test_nothing_piles_up() -> None:
    """However many conversations were opened, those of long ago are forgotten."""
    clock = JumpClock()
    one, _ = processes(clock)
    for number in range(MOST_CONVERSATIONS):
        one.publish(number, ANA, "reading")
    clock.advance(READS_FOR.total_seconds())
    for number in (1, 2):
        one.publish(-number, ANA, "reading")
    assert len(one._people) <= 2


async def test_a_page_says_who_is_there(ana: Visit, ben: Visit, gw: DeskGateway) -> None:
    """Also without scripts; and a page that fetches itself is no visit."""
    await ben.open(f"/desk/c/{MARIA}")
    await ana.open(f"/desk/c/{MARIA}", headers={"X-Desk-Live": "1"})
    assert "Ben is reading" in ana.page
    await ben.open(f"/desk/c/{MARIA}")
    assert "Ana is reading" not in ben.page


async def test_a_colleague_hears_of_it_live(ana: Visit, ben: Visit, gw: DeskGateway) -> None:
    """The stream of the page tells; the answer to a sign of life tells the same."""
    await ben.open(f"/desk/c/{MARIA}")
    await ana.open(f"/desk/c/{MARIA}")
    live = await ben.http.get(f"{ben.url}/desk/live", timeout=ClientTimeout(total=20))
    assert (await live.content.readline()).strip() == b"event: hello"
    response = await ana.send(f"/desk/c/{MARIA}/presence", doing="writing")
    assert await response.json() == {
        "people": [{"name": "Ben", "writes": False, "seconds": READS_FOR.seconds}]
    }

    async def told() -> bool:
        line = await live.content.readline()
        return b'"name": "Ana", "writes": true' in line

    await until(told)
    live.close()


async def test_only_who_may_see_the_conversation(
    visitor: Callable[[], Visit], gw: DeskGateway
) -> None:
    """An agent learns nothing of a conversation that is not theirs to see."""
    cleo = visitor()
    await cleo.sign_in("cleo")
    page = cleo.page
    assert (await cleo.send(f"/desk/c/{PRIYA}/presence", doing="reading")).status == 403
    cleo.page = page
    assert (await cleo.send("/desk/c/9999/presence", doing="reading")).status == 404
    cleo.page = ""
    assert (await cleo.send(f"/desk/c/{MARIA}/presence", doing="reading")).status == 403


async def test_recent_conversations(ana: Visit, gw: DeskGateway) -> None:
    """Those viewed last come first, each once."""
    for number in (MARIA, PRIYA, MARIA):
        await ana.open(f"/desk/c/{number}")
    response = await ana.http.get(f"{ana.url}/desk/recent")
    found = await response.json()
    assert [item["conversation"] for item in found] == [PRIYA, MARIA]
    assert found[1] == {
        "conversation": MARIA,
        "name": "Maria Oliveira",
        "note": "Web chat · Waiting for a person",
    }
