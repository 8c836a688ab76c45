"""Timeouts and cancellation of asyncio tasks."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Coroutine, Generator, Iterable
from typing import Any, TypeVar

T = TypeVar("T")


async def with_timeout(seconds: float, work: Awaitable[T]) -> T:
    """What ``work`` gives; raises TimeoutError when that takes longer than ``seconds``.

    Most handlers answer without waiting for anything. A timer is set only for what does wait:
    the coroutine is run to its first wait, and the rest of it under `asyncio.timeout`. A timer
    for each handler of each turn was a twentieth of what a turn costs.
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
        rest: T = await _Rest(work, awaited)
        return rest


class _Rest:
    """A coroutine that has begun, from its first wait on."""

    def __init__(self, work: Coroutine[Any, Any, T], awaited: Any) -> None:
        self._work, self._awaited = work, awaited

    def __await__(self) -> Generator[Any, Any, Any]:
        awaited = self._awaited
        while True:
            try:
                try:
                    sent = yield awaited
                except BaseException as error:  # noqa: BLE001  (a cancellation too is its own)
                    awaited = self._work.throw(error)
                else:
                    awaited = self._work.send(sent)
            except StopIteration as done:
                return done.value


AGAIN = 1.0
"""Seconds until a task that goes on is cancelled once more."""


async def cancel_all(tasks: Iterable[asyncio.Task[Any]]) -> None:
    """Cancel ``tasks`` and wait for their end.

    Once is not always enough: `asyncio.wait_for` of Python 3.11 forgets a cancellation that comes
    at the moment at which what it waits for is done (python/cpython#86296), and drivers use it.
    """
    waiting = [task for task in tasks if not task.done()]
    while waiting:
        for task in waiting:
            task.cancel()
        _, late = await asyncio.wait(waiting, timeout=AGAIN)
        waiting = list(late)
