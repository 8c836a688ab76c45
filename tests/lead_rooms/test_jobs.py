"""What takes longer than a page: it goes on, is bounded, and ends with the gateway."""

from __future__ import annotations

import asyncio

import pytest

from gateway import WarmlineError
from gateway.testing import FakeClock
from plugins.lead_rooms.jobs import MOST_WAITING, JobRefused, RoomJobs


async def test_a_page_does_not_wait_for_a_long_job() -> None:
    """The next look at the same thing gets the result, until it is old."""
    clock, done, runs = FakeClock(), asyncio.Event(), list[int]()
    jobs = RoomJobs(clock, seconds=60)

    async def work() -> int:
        runs.append(1)
        await done.wait()
        return len(runs)

    assert (await jobs.get("key", work, wait=0.01)).running
    done.set()
    assert (await jobs.get("key", work)).value == 1
    assert (await jobs.get("key", work)).value == 1
    await clock.advance(601)
    assert (await jobs.get("key", work)).value == 2


async def test_a_job_that_fails_or_takes_too_long_says_so() -> None:
    async def refused() -> int:
        raise WarmlineError("there is nothing to learn")

    async def broken() -> int:
        raise ZeroDivisionError

    async def endless() -> int:
        await asyncio.Event().wait()
        return 0

    jobs = RoomJobs(FakeClock(), seconds=0.01)
    assert (await jobs.get("1", refused)).problem == "there is nothing to learn"
    assert "ZeroDivisionError" in (await jobs.get("2", broken)).problem
    assert "longer than 0.01 seconds" in (await jobs.get("3", endless)).problem


async def test_jobs_are_bounded_and_stop() -> None:
    """One runs at a time; too many are refused; all are cancelled at the end."""
    jobs, running = RoomJobs(FakeClock(), seconds=60), list[str]()

    async def work() -> None:
        running.append("one")
        await asyncio.Event().wait()

    for number in range(MOST_WAITING):
        await jobs.get(str(number), work, wait=0.001)
    assert running == ["one"]
    with pytest.raises(JobRefused, match="try again in a minute"):
        await jobs.get("more", work)
    await jobs.stop()
    assert running == ["one"]
