"""Being alive among other processes, and taking over what dead ones left."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from gateway.store import Processes

log = structlog.get_logger()
RENEWALS = 4
"""In the time of one lease: three may fail before the others take this process for dead."""


class Heartbeat:
    """Renews the lease of this process, and settles what was cut off when another died.

    ``lease`` in seconds. Real time, not the gateway's clock: the other processes and the database
    have no other.
    """

    def __init__(
        self, processes: Processes, *, recover: Callable[[], Awaitable[int]], lease: float
    ) -> None:
        self._processes = processes
        self._recover = recover
        self._every = lease / RENEWALS

    async def renewals(self) -> None:
        """Until cancelled."""
        while True:
            await asyncio.sleep(self._every)
            try:
                if not await self._processes.renew():
                    log.warning("process.stalled", hint="others took over its work; it begins anew")
            except Exception:
                log.exception("process.not_renewed")

    async def take_overs(self) -> None:
        """Until cancelled. Beside `renewals`: a provider that is asked may take its time."""
        while True:
            await asyncio.sleep(self._every)
            try:
                if count := await self._recover():
                    log.warning("process.taken_over", cut_off=count)
            except Exception:
                log.exception("recovery.failed")
