"""Requests that wait for news, and end early when the server stops."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class LongPolls:
    """The long polls of one channel. After `close` none of them waits any longer."""

    def __init__(self) -> None:
        self._timeouts: set[asyncio.Timeout] = set()
        self._closed = False

    @asynccontextmanager
    async def wait(self, seconds: float) -> AsyncIterator[None]:
        """Run the block for at most ``seconds``, or until `close`; then raise TimeoutError.

        After `close` the block ends at its first wait."""
        async with asyncio.timeout(seconds) as timeout:
            self._timeouts.add(timeout)
            if self._closed:
                timeout.reschedule(0)
            try:
                yield
            finally:
                self._timeouts.discard(timeout)

    def close(self) -> None:
        """End all polls that wait now, and all later ones."""
        self._closed = True
        for timeout in self._timeouts:
            if not timeout.expired():  # an expired one ends by itself and cannot be rescheduled
                timeout.reschedule(0)
