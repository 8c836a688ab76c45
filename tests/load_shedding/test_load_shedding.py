"""Messages past the limits are refused, and one customer does not delay the others."""

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
from tests.spine.conftest import ANSWER_ALL, Barrier, before, paused_worker


@pytest.fixture
def answer_all(tmp_path: Path) -> dict[str, Any]:
    file = tmp_path / "policy.yaml"
    file.write_text(ANSWER_ALL, "utf-8")
    rest = {"open": True, "requests_per_address": None}
    return {"policy": str(file), "channels": {"rest": rest}}


def greet(turn: Turn) -> Reply | None:
    return Reply(body=("Hello.",)) if turn.kind == "message" else None


@asynccontextmanager
async def limited(
    tmp_path: Path, answer_all: dict[str, Any], clock: FakeClock | None = None, **limits: Any
) -> AsyncIterator[RunningGateway]:
    config = answer_all | {"limits": limits}
    plugins = (rest, FakeChannel(), FakeHandler(greet))
    async with running(*plugins, config=config, tmp_path=tmp_path, clock=clock) as gw:
        yield gw


async def test_messages_are_refused_while_too_many_wait(
    tmp_path: Path, answer_all: dict[str, Any]
) -> None:
    """503 with Retry-After, until the accepted ones are handled."""
    clock = FakeClock()
    async with limited(tmp_path, answer_all, clock, waiting=2) as gw:
        async with paused_worker(gw):
            for name in ("a", "b", "c"):
                await gw.customer("fake", name).write("hi")
            await clock.advance(1)
            await until(lambda: gw.gateway.load_monitor.exceeded)
            assert gw.gateway.load_monitor.exceeded == "waiting"
            async with gw.session() as http:
                body = {"sender": "dora", "message": "hi"}
                async with http.post("/webhooks/rest/webhook", json=body) as answer:
                    assert answer.status == 503
                    assert answer.headers["Retry-After"] == "10"
                    assert "limits.waiting" in (await answer.json())["error"]["message"]
            assert gw.metric("warmline_pressed_total", limit="waiting") == 1
        await gw.settled()
        await clock.advance(1)
        await until(lambda: gw.gateway.load_monitor.exceeded is None)
        await gw.customer("fake", "dora").say("hi")


async def test_messages_are_refused_while_one_waits_too_long(
    tmp_path: Path, answer_all: dict[str, Any]
) -> None:
    """``limits.waiting_seconds`` limits the age of the oldest message."""
    clock = FakeClock()
    overdue = limited(tmp_path, answer_all, clock, waiting_seconds=30)
    async with overdue as gw, paused_worker(gw):
        await gw.customer("fake", "a").write("hi")
        await clock.advance(20)
        await gw.gateway.load_monitor.check()
        assert gw.gateway.load_monitor.exceeded is None
        await clock.advance(20)
        await gw.gateway.load_monitor.check()
        assert gw.gateway.load_monitor.exceeded == "waiting_seconds"


async def test_messages_are_refused_while_memory_is_short(
    tmp_path: Path, answer_all: dict[str, Any]
) -> None:
    """``limits.memory`` limits the memory of this process."""
    async with limited(tmp_path, answer_all, memory=64) as gw:
        await gw.gateway.load_monitor.check()
        assert gw.gateway.load_monitor.exceeded == "memory"
        gw.gateway.load_monitor.memory = lambda: 1.0
        await gw.gateway.load_monitor.check()
        assert gw.gateway.load_monitor.exceeded is None


async def test_one_address_cannot_use_all_accepts(
    tmp_path: Path, answer_all: dict[str, Any]
) -> None:
    """A flood from one customer is refused; another's message is accepted at the same moment."""
    async with limited(tmp_path, answer_all, accepts_each=4, accepts=6) as gw:
        barrier = Barrier()
        carla, dora = gw.customer("fake", "carla"), gw.customer("fake", "dora")
        with before(gw.gateway.store.inbox, "accept", barrier):
            flood = [asyncio.create_task(carla.write(f"{i}")) for i in range(4)]
            await until(lambda: gw.services.intake.accepting == 4)  # type: ignore[attr-defined]
            with pytest.raises(NotAccepted, match="accepts_each"):
                await carla.write("one too many")
            others = [asyncio.create_task(dora.write("hi")) for _ in range(2)]
            await until(lambda: gw.services.intake.accepting == 6)  # type: ignore[attr-defined]
            with pytest.raises(NotAccepted, match=r"limits\.accepts"):
                await gw.customer("fake", "emma").write("one too many in all")
            barrier.opened.set()
            await asyncio.gather(*flood, *others)
        await carla.write("now there is room")
        assert gw.services.intake.accepting == 0  # type: ignore[attr-defined]


async def test_messages_of_one_address_are_committed_one_by_one(
    tmp_path: Path, answer_all: dict[str, Any]
) -> None:
    """While one message of a customer is committed their later ones wait, in order; another
    customer's is accepted at once."""
    begun: list[str] = []
    async with limited(tmp_path, answer_all) as gw:
        released, inbox = asyncio.Event(), gw.gateway.store.inbox
        accept = inbox.accept

        async def slowly(message: Inbound, now: datetime) -> Accepted:
            begun.append(message.text)
            if message.address.value == "carla":
                await released.wait()
            return await accept(message, now)

        inbox.accept = slowly  # type: ignore[method-assign]
        carla, dora = gw.customer("fake", "carla"), gw.customer("fake", "dora")
        flood = [asyncio.create_task(carla.write(f"{number}")) for number in range(5)]
        await until(lambda: gw.services.intake.accepting == 5)  # type: ignore[attr-defined]
        await dora.write("hi")
        assert begun == ["0", "hi"]
        released.set()
        await asyncio.gather(*flood)
        assert begun == ["0", "hi", "1", "2", "3", "4"]


@pytest.mark.parametrize("cancelled", [0, 1, 2])
async def test_a_cancelled_request_does_not_block_those_behind_it(
    tmp_path: Path, answer_all: dict[str, Any], cancelled: int
) -> None:
    """The first request of an address or a waiting one is cancelled: the others are accepted in
    order."""
    begun: list[str] = []
    async with limited(tmp_path, answer_all) as gw:
        released, inbox = asyncio.Event(), gw.gateway.store.inbox
        accept = inbox.accept

        async def slowly(message: Inbound, now: datetime) -> Accepted:
            begun.append(message.text)
            await released.wait()
            return await accept(message, now)

        inbox.accept = slowly  # type: ignore[method-assign]
        carla = gw.customer("fake", "carla")
        tasks = [asyncio.create_task(carla.write(f"{number}")) for number in range(4)]
        await until(lambda: gw.services.intake.accepting == 4)  # type: ignore[attr-defined]
        tasks.pop(cancelled).cancel()
        await until(lambda: gw.services.intake.accepting == 3)  # type: ignore[attr-defined]
        assert begun[0] == "0"
        released.set()
        await asyncio.gather(*tasks)
        assert begun == [text for text in "0123" if text == "0" or text != str(cancelled)]
        await carla.write("again")
        assert gw.services.intake.accepting == 0  # type: ignore[attr-defined]


async def test_agents_are_never_refused(tmp_path: Path, answer_all: dict[str, Any]) -> None:
    """An agent's answer is sent although a limit is exceeded: it makes the queue shorter."""
    async with limited(tmp_path, answer_all) as gw:
        await gw.customer("fake", "carla").say("hi")
        ana = gw.desk_agent("ana")
        card = await gw.services.desk.card(1)
        card = await ana.claim(card)
        gw.gateway.load_monitor.exceeded = "memory"
        await ana.answer(card, "I am here")
        assert gw.customer("fake", "carla").heard is not None
        with pytest.raises(NotAccepted):
            await gw.customer("fake", "carla").write("hi")


async def test_a_busy_lane_waits_behind_all_others() -> None:
    """10,000 steps of one lane: a lane that is woken meanwhile is next."""
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


async def test_a_busy_lane_gets_every_eighth_step() -> None:
    """It is not starved while other lanes always wait."""
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


async def test_busy_lanes_use_at_most_half_of_the_workers() -> None:
    """The other half stays free for quiet lanes."""
    released, busy = asyncio.Event(), set()

    async def step(lane: str) -> Next | datetime:
        if counts.setdefault(lane, 0) >= 30 and lane.startswith("flood"):
            busy.add(lane)
            await released.wait()
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
    released.set()
    await until(lambda: not len(lanes))
    assert all(counts[f"flood{number}"] == 40 for number in range(20))
