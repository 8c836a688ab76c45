"""`with_timeout`: a timeout that costs nothing where nothing is awaited."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from contextvars import ContextVar

import pytest

from gateway.runtime import tasks
from gateway.runtime.tasks import with_timeout

NAME: ContextVar[str] = ContextVar("NAME")


class Refused(Exception):
    """Raised by the work of a test."""


async def test_work_that_does_not_wait_sets_no_timer(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its result or exception is passed on at once."""

    async def done() -> int:
        return 7

    async def fails() -> None:
        raise Refused

    monkeypatch.delattr(asyncio, "timeout")
    assert await with_timeout(0.0, done()) == 7
    with pytest.raises(Refused):
        await with_timeout(0.0, fails())


async def test_work_that_waits_runs_to_its_end() -> None:
    """Several waits, its own timeouts and its context work as in any coroutine."""

    async def waits() -> str:
        NAME.set("inside")
        await asyncio.sleep(0)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.001):
                await asyncio.Event().wait()
        found = await asyncio.gather(asyncio.sleep(0, "a"), asyncio.sleep(0, "b"))
        return "".join(found) + NAME.get()

    assert await with_timeout(60.0, waits()) == "abinside"


async def test_work_that_takes_too_long_is_cancelled() -> None:
    """The work may clean up; the caller gets a TimeoutError and is not cancelled itself."""
    events: list[str] = []

    async def hangs() -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            events.append("cancelled")
            await asyncio.sleep(0)
            events.append("cleaned up")
            raise

    with pytest.raises(TimeoutError):
        await with_timeout(0.001, hangs())
    assert events == ["cancelled", "cleaned up"]
    current = asyncio.current_task()
    assert current is not None
    assert current.cancelling() == 0


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("caught", [asyncio.CancelledError, BaseException])
async def test_work_that_catches_every_cancellation_is_left_behind(
    caught: type[BaseException], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else its message, and a worker, would wait for ever."""
    monkeypatch.setattr(tasks, "GRACE", 0.01)

    async def tries_again() -> None:
        while True:
            with suppress(caught):
                await asyncio.Event().wait()

    with pytest.raises(TimeoutError):
        async with asyncio.timeout(10):
            await with_timeout(0.001, tries_again())
    current = asyncio.current_task()
    assert current is not None
    assert current.cancelling() == 0


async def test_work_may_go_on_after_a_timeout_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only ours ends it."""
    monkeypatch.setattr(tasks, "GRACE", 0.0)

    async def has_a_timeout() -> int:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.001):
                await asyncio.Event().wait()
        await asyncio.sleep(0.01)
        return 7

    assert await with_timeout(60.0, has_a_timeout()) == 7


async def test_a_cancelled_caller_cancels_the_work() -> None:
    """A cancellation from outside is not turned into a TimeoutError."""

    async def hangs() -> None:
        await asyncio.Event().wait()

    task = asyncio.create_task(with_timeout(60.0, hangs()))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_an_error_after_a_wait_is_passed_on() -> None:
    """It stays the error of the work."""

    async def fails() -> None:
        await asyncio.sleep(0)
        raise Refused

    with pytest.raises(Refused):
        await with_timeout(60.0, fails())


async def test_any_awaitable_can_have_a_timeout() -> None:
    """A future, or a task that was begun elsewhere, works too."""
    assert await with_timeout(60.0, asyncio.create_task(asyncio.sleep(0, 5))) == 5
    with pytest.raises(TimeoutError):
        await with_timeout(0.001, asyncio.get_running_loop().create_future())
