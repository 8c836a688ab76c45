"""When lanes are worked on: no wake is forgotten, and busy lanes give way."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from itertools import pairwise

import pytest

from gateway.runtime import dispatch
from gateway.runtime.dispatch import LocalLanes, Next
from gateway.testing import FakeClock
from tests.conftest import until


async def test_a_wake_while_the_last_worker_ends_is_not_lost() -> None:
    """Another lane is woken between the worker's last step and its end."""
    worked: list[str] = []

    async def step(lane: str) -> Next | datetime:
        worked.append(lane)
        if lane == "first":
            asyncio.get_running_loop().call_soon(lanes.wake, "second")
        return Next.DONE

    lanes = LocalLanes(step, at_once=1, clock=FakeClock())
    lanes.wake("first")
    await until(lambda: worked == ["first", "second"], 2)


async def test_a_failed_step_is_retried_with_growing_delays() -> None:
    """The lane does not wait for the next sweep."""
    clock = FakeClock()
    steps_at: list[float] = []
    begun = clock.now()

    async def step(lane: str) -> Next | datetime:
        steps_at.append((clock.now() - begun).total_seconds())
        if len(steps_at) < 4:
            raise ConnectionError
        return Next.DONE

    lanes = LocalLanes(step, at_once=1, clock=clock)
    lanes.wake("lane")
    for failures in (1, 2, 3):
        await until(lambda: len(lanes) == 0, 2)
        assert len(steps_at) == failures
        await clock.advance(0.25 * 2**failures)
        await until(lambda failures=failures: len(steps_at) > failures, 2)
    assert all(later > sooner for sooner, later in pairwise(steps_at))
    await lanes.stop(0)


async def test_an_earlier_alarm_replaces_a_later_one() -> None:
    """When the head of the lane is due sooner, the lane is worked on sooner."""
    clock = FakeClock()
    waits = [300, 2, 300]
    steps_at: list[float] = []
    begun = clock.now()

    async def step(lane: str) -> Next | datetime:
        steps_at.append((clock.now() - begun).total_seconds())
        return clock.now() + timedelta(seconds=waits.pop(0))

    lanes = LocalLanes(step, at_once=1, clock=clock)
    for _ in range(2):
        lanes.wake("lane")
        await until(lambda: len(lanes) == 0, 2)
    await clock.advance(3)
    assert steps_at == [0, 0, 2]
    await lanes.stop(0)


class Flood:
    """Lane ``flood`` always has another step; a step of any other waits until ``released``."""

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

    async def with_quiet_lane(self) -> tuple[LocalLanes, int]:
        """Lanes in which a quiet one is being worked on; and the steps of the flood so far."""
        lanes = LocalLanes(self.step, at_once=4, clock=FakeClock(), fair=3)
        lanes.wake("flood")
        await until(lambda: self.steps > 10)
        lanes.wake("quiet")
        await until(lambda: self.running)
        return lanes, self.steps


async def test_a_busy_lane_waits_for_steps_of_quiet_lanes(monkeypatch: pytest.MonkeyPatch) -> None:
    """While a quiet lane's step runs, the flood begins at most one more step."""
    monkeypatch.setattr(dispatch, "GIVE_WAY", 60.0)
    flood = Flood()
    lanes, steps = await flood.with_quiet_lane()
    for _ in range(100):
        await asyncio.sleep(0)
    assert flood.steps <= steps + 1
    flood.released.set()
    await until(lambda: flood.steps > steps + 10)
    await lanes.stop(0)


async def test_a_busy_lane_waits_for_slow_steps_only_briefly() -> None:
    """It waits `GIVE_WAY` seconds for a step that hangs, then goes on."""
    flood = Flood()
    lanes, steps = await flood.with_quiet_lane()
    await until(lambda: flood.steps > steps + 3)
    assert flood.running == {"quiet"}
    await lanes.stop(0)
