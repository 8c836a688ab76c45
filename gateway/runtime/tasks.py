"""Timeouts and cancellation of asyncio tasks."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Coroutine, Generator, Iterable
from typing import Any, TypeVar

T = TypeVar("T")


async def with_timeout(seconds: float, work: Awaitable[T]) -> T:
    """The result of ``work``. Raises TimeoutError when it takes longer than ``seconds``.

    Most handlers return without waiting. So the coroutine first runs to its first wait, and only
    the rest runs under `asyncio.timeout`: a timer for every handler of every turn costs about
    a twentieth of a turn.
    """
    if not isinstance(work, Coroutine):
        async with asyncio.timeout(seconds):
            return await work
    try:
        awaited = work.send(None)
    except StopIteration as done:
        result: T = done.value
        return result
    async with asyncio.timeout(seconds):
        remaining: T = await _Remaining(work, awaited)
        return remaining


class _Remaining:
    """A coroutine that has begun, from its first wait on."""

    def __init__(self, work: Coroutine[Any, Any, T], awaited: Any) -> None:
        self._work, self._awaited = work, awaited

    def __await__(self) -> Generator[Any, Any, Any]:
        awaited = self._awaited
        while True:
            try:
                try:
                    sent = yield awaited
                except BaseException as error:  # noqa: BLE001  (cancellations go to the coroutine too)
                    awaited = self._work.throw(error)
                else:
                    awaited = self._work.send(sent)
            except StopIteration as done:
                return done.value


CANCEL_AGAIN = 1.0
"""Seconds until a task that still runs is cancelled once more."""


async def cancel_all(tasks: Iterable[asyncio.Task[Any]]) -> None:
    """Cancel ``tasks`` and wait until they have ended.

    One cancellation is not always enough: `asyncio.wait_for` of Python 3.11, which drivers use,
    loses a cancellation that arrives when its awaitable is just done (python/cpython#86296).
    """
    running = {task for task in tasks if not task.done()}
    while running:
        for task in running:
            task.cancel()
        _, running = await asyncio.wait(running, timeout=CANCEL_AGAIN)
