"""Long polls end by time, or when the server stops."""

from __future__ import annotations

import asyncio

import pytest

from gateway import LongPolls


async def test_a_poll_ends_after_its_time() -> None:
    """The block is cancelled, and TimeoutError raised."""
    with pytest.raises(TimeoutError):
        async with LongPolls().wait(0.01):
            await asyncio.Event().wait()


async def test_a_finished_block_raises_nothing() -> None:
    """Also when the polls are closed afterwards."""
    polls = LongPolls()
    async with polls.wait(10):
        await asyncio.sleep(0)
    polls.close()


async def test_close_ends_all_polls_early() -> None:
    """Those that wait already, and those that begin later."""
    polls = LongPolls()

    async def poll() -> None:
        async with polls.wait(60):
            await asyncio.Event().wait()

    waiting = [asyncio.create_task(poll()) for _ in range(2)]
    await asyncio.sleep(0)
    polls.close()
    async with asyncio.timeout(5):
        results = await asyncio.gather(*waiting, poll(), return_exceptions=True)
    assert [type(result) for result in results] == [TimeoutError] * 3


async def test_close_ends_all_polls_when_one_has_just_expired() -> None:
    """A poll whose time is over, and that has not ended yet, keeps no other from ending."""
    polls = LongPolls()

    async def poll(seconds: float) -> None:
        async with polls.wait(seconds):
            await asyncio.Event().wait()

    async def slow_to_end() -> None:
        async with polls.wait(0):
            try:
                await asyncio.Event().wait()
            finally:
                await asyncio.sleep(0.05)

    waiting = [asyncio.create_task(slow_to_end()), asyncio.create_task(poll(60))]
    await asyncio.sleep(0.02)
    polls.close()
    async with asyncio.timeout(5):
        results = await asyncio.gather(*waiting, return_exceptions=True)
    assert [type(result) for result in results] == [TimeoutError] * 2
