"""What is done every so often: alarms that come due, and the sweep for what was forgotten."""

from __future__ import annotations

from collections.abc import Callable

import structlog

from gateway.ports import Clock
from gateway.store import Store

log = structlog.get_logger()


class Rounds:
    """Fires timers every ``tick`` seconds and sweeps every ``sweep`` seconds."""

    def __init__(
        self,
        *,
        store: Store,
        work: Callable[[str], None],
        deliver: Callable[[str], None],
        clock: Clock,
        tick: float = 1.0,
        sweep: float = 30.0,
    ) -> None:
        self._store = store
        self._work = work
        self._deliver = deliver
        self._clock = clock
        self._tick = tick
        self._sweep = sweep

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
            try:
                await self.sweep()
            except Exception:
                log.exception("sweep.failed")
            await self._clock.sleep(self._sweep)

    async def sweep(self) -> None:
        """Wake every lane that has unhandled rows: wakes may be lost, rows are not."""
        for lane in await self._store.inbox.lanes():
            self._work(lane)
        for lane in await self._store.outbox.lanes():
            self._deliver(lane)
