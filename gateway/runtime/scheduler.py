"""What is done every so often: alarms that come due, and the sweep for what was forgotten."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from gateway.ports import Clock
from gateway.store import Store

log = structlog.get_logger()


class Scheduler:
    """Fires timers every ``tick`` seconds and sweeps every ``every()`` seconds, when ``whose()``
    says that it is this process's turn."""

    def __init__(
        self,
        *,
        store: Store,
        work: Callable[[str], None],
        deliver: Callable[[str], None],
        clock: Clock,
        tick: float = 1.0,
        every: Callable[[], float],
        whose: Callable[[], Awaitable[bool]],
    ) -> None:
        self._store = store
        self._work = work
        self._deliver = deliver
        self._clock = clock
        self._tick = tick
        self._every, self._whose = every, whose
        self._hurried = asyncio.Event()

    def hurry(self) -> None:
        """Wakes may have been lost: sweep at once, and then at the interval that holds now."""
        self._hurried.set()

    async def alarms(self) -> None:
        """Until cancelled."""
        while True:
            try:
                for lane in await self._store.timers.fire(self._clock.now()):
                    self._work(lane)
            except Exception:
                log.exception("timers.failed")
            await self._clock.sleep(self._tick)

    async def sweeps(self) -> None:
        """Until cancelled."""
        while True:
            hurried = self._hurried.is_set()
            self._hurried.clear()
            try:
                if hurried or await self._whose():
                    await self.sweep()
            except Exception:
                log.exception("sweep.failed")
            await self._pause()

    async def sweep(self) -> None:
        """Wake every lane that has unhandled rows: wakes may be lost, rows are not."""
        for lane in await self._store.inbox.lanes():
            self._work(lane)
        for lane in await self._store.outbox.lanes():
            self._deliver(lane)

    async def _pause(self) -> None:
        waits = (
            asyncio.ensure_future(self._clock.sleep(self._every())),
            asyncio.ensure_future(self._hurried.wait()),
        )
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for one in waits:
                one.cancel()
