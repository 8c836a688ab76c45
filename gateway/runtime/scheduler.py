"""What a process does regularly.

The scheduler fires due timers and wakes lanes whose wake was lost. The heartbeat keeps this
process's lease alive and takes over what dead processes left.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import structlog

from gateway.ports import Clock
from gateway.store import Processes, Store

log = structlog.get_logger()
RENEWALS = 4
"""Renewals within one lease: three in a row may fail before other processes take over."""


@dataclass(kw_only=True)
class Scheduler:
    """Fires timers every ``tick`` seconds and sweeps every ``interval()`` seconds, when
    ``may_sweep()`` allows this process to.

    ``wake`` wakes an inbox lane, ``deliver`` an outbox lane.
    """

    store: Store
    wake: Callable[[str], None]
    deliver: Callable[[str], None]
    clock: Clock
    tick: float = 1.0
    interval: Callable[[], float]
    may_sweep: Callable[[], Awaitable[bool]]
    _wanted: asyncio.Event = field(default_factory=asyncio.Event, init=False)
    _firing: asyncio.Lock = field(default_factory=asyncio.Lock, init=False)

    def sweep_now(self) -> None:
        """Wakes may have been lost: do not wait for the next regular sweep."""
        self._wanted.set()

    async def fire_due(self) -> None:
        """Move due timers into the inbox. When this returns, none that was due is on its way."""
        async with self._firing:
            for lane in await self.store.timers.fire(self.clock.now()):
                self.wake(lane)

    async def fire_timers(self) -> None:
        """Fire due timers at every tick, until cancelled."""
        while True:
            try:
                await self.fire_due()
            except Exception:
                log.exception("timers.failed")
            await self.clock.sleep(self.tick)

    async def sweep_regularly(self) -> None:
        """Sweep at every interval, until cancelled."""
        while True:
            wanted = self._wanted.is_set()
            self._wanted.clear()
            try:
                if wanted or await self.may_sweep():
                    await self.sweep()
            except Exception:
                log.exception("sweep.failed")
            await self._pause()

    async def sweep(self) -> None:
        """Wake every lane that has unhandled rows: wakes may be lost, rows are not."""
        for lane in await self.store.inbox.lanes():
            self.wake(lane)
        for lane in await self.store.outbox.lanes():
            self.deliver(lane)

    async def _pause(self) -> None:
        waits = (
            asyncio.ensure_future(self.clock.sleep(self.interval())),
            asyncio.ensure_future(self._wanted.wait()),
        )
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()


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
