"""Which lanes are worked, and when: nothing that was woken is forgotten."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from itertools import pairwise

import pytest

from gateway.runtime import dispatch
from gateway.runtime.dispatch import LocalLanes, Next
from gateway.testing import FakeClock
from tests.conftest import until


async def test_a_wake_at_the_moment_a_worker_ends_is_not_lost() -> None:
    """The last worker has nothing more to do, and another lane is woken before it is gone."""
    worked: list[str] = []

    async def step(lane: str) -> Next | datetime:
        worked.append(lane)
        if lane == "first":
            asyncio.get_running_loop().call_soon(lanes.wake, "second")
        return Next.DONE

    lanes = LocalLanes(step, at_once=1, clock=FakeClock())
    lanes.wake("first")
    await until(lambda: worked == ["first", "second"], 2)


async def test_a_step_that_failed_left_its_lane_to_the_sweep() -> None:
    """It is done again soon, later each time, and at once when somebody wakes the lane."""
    clock = FakeClock()
    looked: list[float] = []
    begun = clock.now()

    async def step(lane: str) -> Next | datetime:
        looked.append((clock.now() - begun).total_seconds())
        if len(looked) < 4:
            raise ConnectionError
        return Next.DONE

    lanes = LocalLanes(step, at_once=1, clock=clock)
    lanes.wake("lane")
    for failures in (1, 2, 3):
        await until(lambda: len(lanes) == 0, 2)
        assert len(looked) == failures
        await clock.advance(0.25 * 2**failures)
        await until(lambda failures=failures: len(looked) > failures, 2)
    assert all(later > sooner for sooner, later in pairwise(looked))
    await lanes.stop(0)


async def test_an_earlier_alarm_is_not_kept_waiting_by_a_later_one() -> None:
    """The head of the lane changed: what is due sooner is looked at sooner."""
    clock = FakeClock()
    waits = [300, 2, 300]
    looked: list[float] = []
    begun = clock.now()

    async def step(lane: str) -> Next | datetime:
        looked.append((clock.now() - begun).total_seconds())
        return clock.now() + timedelta(seconds=waits.pop(0))

    lanes = LocalLanes(step, at_once=1, clock=clock)
    for _ in range(2):
        lanes.wake("lane")
        await until(lambda: len(lanes) == 0, 2)
    await clock.advance(3)
    assert looked == [0, 0, 2]
    await lanes.stop(0)


class Flood:
    """Lane ``flood`` has no end of steps; a step of any other waits until it is ``released``."""

    def __init__(self) -> None:
        self.steps = 0
        self.running: set[str] = set()
        self.released = asyncio.Event()

    async def step(self, lane: str) -> Next | datetime:
        if lane == "flood":
            self.steps += 1
            await asyncio.sleep(0)
            return Next.MORE
        self.running.add(lane)
        await self.released.wait()
        self.running.remove(lane)
        return Next.DONE

    async def beside_a_quiet_one(self) -> tuple[LocalLanes, int]:
        """Lanes in which the flood has had many steps and a quiet one is worked; and how many."""
        lanes = LocalLanes(self.step, at_once=4, clock=FakeClock(), patience=3)
        lanes.wake("flood")
        await until(lambda: self.steps > 10)
        lanes.wake("quiet")
        await until(lambda: self.running)
        return lanes, self.steps


async def test_a_flood_worked_on_beside_a_quiet_customer(monkeypatch: pytest.MonkeyPatch) -> None:
    """While a quiet lane's step runs the flood begins at most the one it had begun; then it goes
    on."""
    monkeypatch.setattr(dispatch, "GIVE_WAY", 60.0)
    flood = Flood()
    lanes, steps = await flood.beside_a_quiet_one()
    for _ in range(100):
        await asyncio.sleep(0)
    assert flood.steps <= steps + 1
    flood.released.set()
    await until(lambda: flood.steps > steps + 10)
    await lanes.stop(0)


async def test_a_slow_step_holds_up_no_flood_for_long() -> None:
    """A lane of many messages waits a moment for a step that hangs, and then goes on."""
    flood = Flood()
    lanes, steps = await flood.beside_a_quiet_one()
    await until(lambda: flood.steps > steps + 3)
    assert flood.running == {"quiet"}
    await lanes.stop(0)
