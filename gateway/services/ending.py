"""The end of what runs beside."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any

AGAIN = 1.0
"""Seconds until a task that goes on is cancelled once more."""


async def ended(tasks: Iterable[asyncio.Task[Any]]) -> None:
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
