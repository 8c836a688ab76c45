"""A time-out that costs nothing where nothing is waited for."""

from __future__ import annotations

import asyncio
from contextvars import ContextVar

import pytest

from gateway.runtime.tasks import with_timeout

WHO: ContextVar[str] = ContextVar("WHO")


class Refused(Exception):
    """What the work of a test raises."""


async def test_what_waits_for_nothing_sets_no_timer(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its value, or what it raises, is given at once."""

    async def done() -> int:
        return 7

    async def fails() -> None:
        raise Refused

    monkeypatch.delattr(asyncio, "timeout")
    assert await with_timeout(0.0, done()) == 7
    with pytest.raises(Refused):
        await with_timeout(0.0, fails())


async def test_what_waits_is_awaited_to_its_end() -> None:
    """Several waits, its own time-outs and its context are as in any coroutine."""

    async def waits() -> str:
        WHO.set("inside")
        await asyncio.sleep(0)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.001):
                await asyncio.Event().wait()
        found = await asyncio.gather(asyncio.sleep(0, "a"), asyncio.sleep(0, "b"))
        return "".join(found) + WHO.get()

    assert await with_timeout(60.0, waits()) == "abinside"


async def test_what_takes_too_long_is_cut_off() -> None:
    """It hears of it as a cancellation and may clean up; the caller gets a TimeoutError and is
    not cancelled itself."""
    heard: list[str] = []

    async def hangs() -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            heard.append("cut off")
            await asyncio.sleep(0)
            heard.append("cleaned up")
            raise

    with pytest.raises(TimeoutError):
        await with_timeout(0.001, hangs())
    assert heard == ["cut off", "cleaned up"]
    current = asyncio.current_task()
    assert current is not None
    assert current.cancelling() == 0


async def test_whoever_is_cancelled_takes_the_work_along() -> None:
    """A cancellation from outside stays one."""

    async def hangs() -> None:
        await asyncio.Event().wait()

    task = asyncio.create_task(with_timeout(60.0, hangs()))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_what_fails_later_fails_as_itself() -> None:
    """An error after a wait is the work's own."""

    async def fails() -> None:
        await asyncio.sleep(0)
        raise Refused

    with pytest.raises(Refused):
        await with_timeout(60.0, fails())


async def test_any_awaitable_will_do() -> None:
    """A future, or a task that was begun elsewhere, is bounded too."""
    assert await with_timeout(60.0, asyncio.create_task(asyncio.sleep(0, 5))) == 5
    with pytest.raises(TimeoutError):
        await with_timeout(0.001, asyncio.get_running_loop().create_future())
