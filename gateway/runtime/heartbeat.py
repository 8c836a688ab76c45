"""Keeps this process's lease alive and takes over what dead processes left."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import structlog

from gateway.store import Processes

log = structlog.get_logger()
RENEWALS = 4
"""Renewals within one lease: three in a row may fail before other processes take over."""


@dataclass(kw_only=True)
class Heartbeat:
    """Renews the lease of this process and recovers what others were sending when they died.

    ``lease`` in seconds. Real time, not the gateway's clock: the other processes and the database
    know no other.
    """

    processes: Processes
    recover: Callable[[], Awaitable[int]]
    lease: float

    async def renew(self) -> None:
        """Renew the lease regularly, until cancelled."""
        while True:
            await asyncio.sleep(self.lease / RENEWALS)
            try:
                if not await self.processes.renew():
                    log.warning(
                        "process.stalled",
                        hint="the lease ran out and others took over; this process starts afresh",
                    )
            except Exception:
                log.exception("process.not_renewed")

    async def take_over(self) -> None:
        """Recover regularly, until cancelled. A task of its own: asking a provider takes time, and
        the lease must not wait for it."""
        while True:
            await asyncio.sleep(self.lease / RENEWALS)
            try:
                if count := await self.recover():
                    log.warning("process.taken_over", cut_off=count)
            except Exception:
                log.exception("recovery.failed")
