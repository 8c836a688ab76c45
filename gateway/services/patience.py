"""A time-out that costs nothing where nothing is waited for."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Coroutine, Generator
from typing import Any, TypeVar

T = TypeVar("T")


async def within(seconds: float, work: Awaitable[T]) -> T:
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
