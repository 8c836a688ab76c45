"""Back-pressure: past the limits a message is sent back to its provider, which keeps it for us,
before it costs us memory that is not there.

Nothing is lost by it: the provider gets its 503 before anything was promised, and comes again.
What people say and what timers do is never sent back.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import structlog

from gateway.model import Accepted, Inbound, Receipt
from gateway.ports import Clock, Intake, NotAccepted
from gateway.runtime.backlog import BacklogMonitor
from gateway.runtime.metrics import Metrics
from gateway.settings import LimitSettings

log = structlog.get_logger()
LOOK = timedelta(seconds=1)
AGAIN = 10.0
"""Seconds after which a provider may come again when too much waits."""
SOON = 1.0
"""Seconds when only too many came at the same moment."""
PACE = 0.01
"""Seconds between two messages of an address at which several wait."""
PAGE = 4096
STATM = Path("/proc/self/statm")


class LoadMonitor:
    """Looks every second whether more may come in; ``memory`` gives this process's megabytes."""

    def __init__(
        self,
        *,
        backlog: BacklogMonitor,
        limits: LimitSettings,
        clock: Clock,
        memory: Callable[[], float | None] | None = None,
    ) -> None:
        self._backlog = backlog
        self._limits = limits
        self._clock = clock
        self._memory = memory or memory_in_use
        self.over: str | None = None
        """The limit that is passed at the moment."""

    async def rounds(self) -> None:
        """Until cancelled."""
        while True:
            try:
                await self.look()
            except Exception:
                log.exception("pressure.unknown")
            await self._clock.sleep(LOOK.total_seconds())

    async def look(self) -> None:
        over = await self._passed()
        if over != self.over:
            log.warning("pressure.changed", over=over)
        self.over = over

    async def _passed(self) -> str | None:
        limits, used = self._limits, self._memory()
        if limits.memory is not None and used is not None and used > limits.memory:
            return "memory"
        if limits.waiting is None and limits.waiting_seconds is None:
            return None
        inbox = (await self._backlog.look(LOOK)).inbox
        if limits.waiting is not None and inbox.rows > limits.waiting:
            return "waiting"
        if limits.waiting_seconds is None or inbox.since is None:
            return None
        age = (self._clock.now() - inbox.since).total_seconds()
        return "waiting_seconds" if age > limits.waiting_seconds else None


class LoadShedder:
    """An `Intake` that sends back what is too much at the moment.

    The messages of one address are committed one after the other, in the order in which they
    came, and those that come while others wait there at most every `PACE` seconds. So a customer
    who floods us fills neither the event loop nor the database's one writer.
    """

    def __init__(
        self, intake: Intake, *, load_monitor: LoadMonitor, limits: LimitSettings, metrics: Metrics
    ) -> None:
        self._intake = intake
        self._load_monitor = load_monitor
        self._most, self._most_each = limits.accepts, limits.accepts_each
        self._metrics = metrics
        self._now = 0
        self._lanes: dict[str, _Lane] = {}

    async def accept(self, message: Inbound) -> Accepted:
        """Raises NotAccepted also when too much waits, or too many come at once."""
        name = message.address.lane
        lane = self._lanes.get(name)
        mine = lane.many if lane else 0
        if (
            self._load_monitor.over is not None
            or self._now >= self._most
            or mine >= self._most_each
        ):
            raise self._sent_back(mine)
        if lane is None:
            lane = self._lanes[name] = _Lane()
        self._now += 1
        lane.many += 1
        try:
            if not mine:  # nearly all; a lock would cost it more than all that stands here
                return await self._intake.accept(message)
            lane.others = others = lane.others or _Others()
            async with others.turn:
                await others.first_in.wait()
                await asyncio.sleep(PACE)
                return await self._intake.accept(message)
        finally:
            self._now -= 1
            lane.many -= 1
            if not lane.many:
                del self._lanes[name]
            elif not mine and lane.others:
                lane.others.first_in.set()

    async def report(self, receipt: Receipt) -> None:
        await self._intake.report(receipt)

    def _sent_back(self, mine: int) -> NotAccepted:
        at_once = "accepts_each" if mine >= self._most_each else "accepts"
        limit = self._load_monitor.over or at_once
        self._metrics.pressed.labels(limit).inc()
        what = f"more than limits.{limit} allows; please send it again"
        return NotAccepted(what, after=AGAIN if self._load_monitor.over else SOON)


class _Others:
    """Who came while the first of its address was at the door: it is the ``turn`` of one of them
    when that is in."""

    def __init__(self) -> None:
        self.turn, self.first_in = asyncio.Lock(), asyncio.Event()


class _Lane:
    """``many`` messages of one address that are at the door; most are alone there."""

    many = 0
    others: _Others | None = None


def memory_in_use() -> float | None:
    """The memory of this process that is in use (Linux); None where it cannot be told."""
    try:
        return int(STATM.read_text("ascii").split()[1]) * PAGE / 1e6
    except (OSError, ValueError, IndexError):
        return None
