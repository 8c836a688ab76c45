"""Past the limits messages are sent back, and one customer does not make the others wait."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from channels import rest
from gateway import Inbound, NotAccepted, Reply, Turn
from gateway.model import Accepted
from gateway.runtime.dispatch import LocalLanes, Next
from gateway.testing import FakeChannel, FakeClock, FakeHandler, RunningGateway, running
from tests.conftest import until
from tests.spine.conftest import ANSWER_ALL, Barrier, before


@pytest.fixture
def easy(tmp_path: Path) -> dict[str, Any]:
    file = tmp_path / "policy.yaml"
    file.write_text(ANSWER_ALL, "utf-8")
    return {"policy": str(file), "channels": {"rest": {}}}


def echo(turn: Turn) -> Reply | None:
    return Reply(body=("Hello.",)) if turn.kind == "message" else None


@asynccontextmanager
async def limited(
    tmp_path: Path, easy: dict[str, Any], clock: FakeClock | None = None, **limits: Any
) -> AsyncIterator[RunningGateway]:
    config = easy | {"limits": limits}
    guests = (rest, FakeChannel(), FakeHandler(echo))
    async with running(*guests, config=config, tmp_path=tmp_path, clock=clock) as gw:
        yield gw


async def test_too_many_that_wait_are_sent_back(tmp_path: Path, easy: dict[str, Any]) -> None:
    """503 with Retry-After; as soon as they are worked, more may come. What was taken stays."""
    clock = FakeClock()
    async with limited(tmp_path, easy, clock, waiting=2) as gw:
        gw.gateway.incoming._stopping = True
        for name in ("a", "b", "c"):
            await gw.customer("fake", name).write("hi")
        await clock.advance(1)
        await until(lambda: gw.gateway.load_monitor.over)
        assert gw.gateway.load_monitor.over == "waiting"
        async with gw.session() as http:
            body = {"sender": "dora", "message": "hi"}
            async with http.post("/webhooks/rest/webhook", json=body) as answer:
                assert answer.status == 503
                assert answer.headers["Retry-After"] == "10"
                assert "limits.waiting" in (await answer.json())["error"]["message"]
        assert gw.metric("warmline_pressed_total", limit="waiting") == 1
        gw.gateway.incoming._stopping = False
        await gw.gateway.scheduler.sweep()
        await gw.settled()
        await clock.advance(1)
        await until(lambda: gw.gateway.load_monitor.over is None)
        await gw.customer("fake", "dora").say("hi")


async def test_one_that_waits_too_long_stops_the_flow(tmp_path: Path, easy: dict[str, Any]) -> None:
    """By age, where that is what was promised."""
    clock = FakeClock()
    async with limited(tmp_path, easy, clock, waiting_seconds=30) as gw:
        gw.gateway.incoming._stopping = True
        await gw.customer("fake", "a").write("hi")
        await clock.advance(20)
        await gw.gateway.load_monitor.look()
        assert gw.gateway.load_monitor.over is None
        await clock.advance(20)
        await gw.gateway.load_monitor.look()
        assert gw.gateway.load_monitor.over == "waiting_seconds"
        gw.gateway.incoming._stopping = False


async def test_memory_is_a_limit(tmp_path: Path, easy: dict[str, Any]) -> None:
    """The process itself is measured."""
    async with limited(tmp_path, easy, memory=64) as gw:
        await gw.gateway.load_monitor.look()
        assert gw.gateway.load_monitor.over == "memory"
        gw.gateway.load_monitor._memory = lambda: 1.0
        await gw.gateway.load_monitor.look()
        assert gw.gateway.load_monitor.over is None


async def test_one_address_does_not_fill_the_door(tmp_path: Path, easy: dict[str, Any]) -> None:
    """A flood from one customer is sent back; another's message is taken at the same moment."""
    async with limited(tmp_path, easy, accepts_each=4, accepts=6) as gw:
        door = Barrier()
        carla, dora = gw.customer("fake", "carla"), gw.customer("fake", "dora")
        with before(gw.gateway.store.inbox, "accept", door):
            flood = [asyncio.create_task(carla.write(f"{i}")) for i in range(4)]
            await until(lambda: gw.services.intake._now == 4)  # type: ignore[attr-defined]
            with pytest.raises(NotAccepted, match="accepts_each"):
                await carla.write("one too many")
            others = [asyncio.create_task(dora.write("hi")) for _ in range(2)]
            await until(lambda: gw.services.intake._now == 6)  # type: ignore[attr-defined]
            with pytest.raises(NotAccepted, match=r"limits\.accepts"):
                await gw.customer("fake", "emma").write("the house is full")
            door.opened.set()
            await asyncio.gather(*flood, *others)
        await carla.write("now there is room")
        assert gw.services.intake._lanes == {}  # type: ignore[attr-defined]


async def test_a_flood_is_committed_one_by_one(tmp_path: Path, easy: dict[str, Any]) -> None:
    """While one message of a customer is committed their others wait, in order; another
    customer's is taken at once."""
    begun: list[str] = []
    async with limited(tmp_path, easy) as gw:
        door, inbox = asyncio.Event(), gw.gateway.store.inbox
        accept = inbox.accept

        async def slowly(message: Inbound, now: datetime) -> Accepted:
            begun.append(message.text)
            if message.address.value == "carla":
                await door.wait()
            return await accept(message, now)

        inbox.accept = slowly  # type: ignore[method-assign]
        carla, dora = gw.customer("fake", "carla"), gw.customer("fake", "dora")
        flood = [asyncio.create_task(carla.write(f"{number}")) for number in range(5)]
        await until(lambda: gw.services.intake._now == 5)  # type: ignore[attr-defined]
        await dora.write("hi")
        assert begun == ["0", "hi"]
        door.set()
        await asyncio.gather(*flood)
        assert begun == ["0", "hi", "1", "2", "3", "4"]


@pytest.mark.parametrize("gone", [0, 1, 2])
async def test_who_goes_away_holds_up_nobody(
    tmp_path: Path, easy: dict[str, Any], gone: int
) -> None:
    """A request that is given up at the door, the first of its address or one that waits, lets
    the others in, in order."""
    begun: list[str] = []
    async with limited(tmp_path, easy) as gw:
        door, inbox = asyncio.Event(), gw.gateway.store.inbox
        accept = inbox.accept

        async def slowly(message: Inbound, now: datetime) -> Accepted:
            begun.append(message.text)
            await door.wait()
            return await accept(message, now)

        inbox.accept = slowly  # type: ignore[method-assign]
        carla = gw.customer("fake", "carla")
        tasks = [asyncio.create_task(carla.write(f"{number}")) for number in range(4)]
        await until(lambda: gw.services.intake._now == 4)  # type: ignore[attr-defined]
        tasks.pop(gone).cancel()
        await until(lambda: gw.services.intake._now == 3)  # type: ignore[attr-defined]
        assert begun[0] == "0"
        door.set()
        await asyncio.gather(*tasks)
        assert begun == [text for text in "0123" if text == "0" or text != str(gone)]
        assert gw.services.intake._lanes == {}  # type: ignore[attr-defined]


async def test_people_are_never_sent_back(tmp_path: Path, easy: dict[str, Any]) -> None:
    """Past every limit an agent's answer goes out: it makes the queue shorter."""
    async with limited(tmp_path, easy) as gw:
        await gw.customer("fake", "carla").say("hi")
        ana = gw.desk_agent("ana")
        card = await gw.services.desk.card(1)
        card = await ana.claim(card)
        gw.gateway.load_monitor.over = "memory"
        await ana.answer(card, "I am here")
        assert gw.customer("fake", "carla").heard is not None
        with pytest.raises(NotAccepted):
            await gw.customer("fake", "carla").write("hi")


async def test_a_flood_steps_behind_everybody_else() -> None:
    """10,000 steps of one lane: a lane that comes meanwhile is next but for what runs already."""
    order: list[str] = []
    left = {"flood": 10_000}

    async def step(lane: str) -> Next | datetime:
        order.append(lane)
        await asyncio.sleep(0)
        if lane != "flood":
            return Next.DONE
        left["flood"] -= 1
        return Next.MORE if left["flood"] else Next.DONE

    lanes = LocalLanes(step, at_once=1, clock=FakeClock())
    lanes.wake("flood")
    for number in range(100):
        await until(lambda n=number: len(order) >= 50 * (n + 1), every=0)
        at = len(order)
        lanes.wake(f"quiet{number}")
        await until(lambda n=number: f"quiet{n}" in order, every=0)
        assert order.index(f"quiet{number}") - at <= 2
    await until(lambda: not left["flood"], every=0)
    assert order.count("flood") == 10_000


async def test_a_flood_is_not_starved_either() -> None:
    """With others waiting all the time it still gets every eighth step, in its order."""
    order: list[str] = []

    async def step(lane: str) -> Next | datetime:
        order.append(lane)
        await asyncio.sleep(0)
        if lane == "flood":
            return Next.MORE if order.count("flood") < 100 else Next.DONE
        lanes.wake(f"quiet{len(order)}")
        return Next.DONE

    lanes = LocalLanes(step, at_once=1, clock=FakeClock())
    lanes.wake("flood")
    await until(lambda: len(order) > 30, every=0)
    lanes.wake("quiet")
    await until(lambda: order.count("flood") == 100, every=0)
    await lanes.stop(1)
    late = order[60:-1]
    assert 1 / 9 <= late.count("flood") / len(late) <= 1 / 7


async def test_floods_leave_half_of_the_workers_free() -> None:
    """However many flood us."""
    gate, busy = asyncio.Event(), set()

    async def step(lane: str) -> Next | datetime:
        if counts.setdefault(lane, 0) >= 30 and lane.startswith("flood"):
            busy.add(lane)
            await gate.wait()
        counts[lane] += 1
        return Next.MORE if lane.startswith("flood") and counts[lane] < 40 else Next.DONE

    counts: dict[str, int] = {}
    lanes = LocalLanes(step, at_once=8, clock=FakeClock())
    for number in range(20):
        lanes.wake(f"flood{number}")
    await until(lambda: len(busy) == 4)
    lanes.wake("quiet")
    await until(lambda: counts.get("quiet") == 1)
    assert len(busy) == 4
    gate.set()
    await until(lambda: not len(lanes))
    assert all(counts[f"flood{number}"] == 40 for number in range(20))
