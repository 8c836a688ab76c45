"""Load shedding: past the limits a message is refused with 503, and the provider retries later.

Nothing is lost: the provider gets the 503 before the message is accepted, and sends it again.
Messages of agents and timers are never refused. The backlog, one measure of the load, is also shown
in the metrics.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import KW_ONLY, dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

import msgspec
import structlog

from gateway.model import Accepted, Inbound, Receipt
from gateway.ports import Clock, Intake, NotAccepted
from gateway.runtime.metrics import Metrics
from gateway.settings import LimitSettings
from gateway.store import Backlog, QueueStatistics, Statistics

log = structlog.get_logger()
FRESH = timedelta(seconds=5)
"""Age up to which the metrics show a backlog that was read before."""
INTERVAL = timedelta(seconds=1)
"""Between two measurements of the load."""
RETRY_AFTER_BACKLOG = 10.0
"""Seconds after which a provider may retry when a limit of the process is exceeded."""
RETRY_AFTER_BURST = 1.0
"""Seconds when only too many messages arrived at the same moment."""
PACE = 0.01
"""Seconds between two messages of an address from which several wait."""
PAGE_SIZE = 4096
STATM = Path("/proc/self/statm")


def memory_in_use() -> float | None:
    """Megabytes of memory that this process uses (Linux); None where that cannot be read."""
    try:
        return int(STATM.read_text("ascii").split()[1]) * PAGE_SIZE / 1e6
    except (OSError, ValueError, IndexError):
        return None


@dataclass(kw_only=True)
class BacklogMonitor:
    """Reads the number and age of waiting rows on demand, caches them and publishes them as
    gauges."""

    statistics: Statistics
    clock: Clock
    metrics: Metrics
    _cached: tuple[datetime, Backlog] | None = field(default=None, init=False)
    _reading: asyncio.Lock = field(default_factory=asyncio.Lock, init=False)

    async def read(self, max_age: timedelta = FRESH) -> Backlog:
        """The backlog, at most ``max_age`` old."""
        async with self._reading:
            now = self.clock.now()
            if self._cached is None or now - self._cached[0] >= max_age:
                self._cached = now, await self.statistics.backlog(now)
                self._publish(*self._cached)
            return self._cached[1]

    def _publish(self, now: datetime, backlog: Backlog) -> None:
        for attribute in msgspec.structs.fields(backlog):
            queue: QueueStatistics = getattr(backlog, attribute.name)
            age = (now - queue.since).total_seconds() if queue.since else 0.0
            self.metrics.waiting.labels(attribute.name).set(queue.rows)
            self.metrics.oldest.labels(attribute.name).set(max(0.0, age))


@dataclass(kw_only=True)
class LoadMonitor:
    """Checks every second whether a limit is exceeded. ``memory`` returns the megabytes in use."""

    backlog: BacklogMonitor
    limits: LimitSettings
    clock: Clock
    memory: Callable[[], float | None] = memory_in_use
    exceeded: str | None = field(default=None, init=False)
    """The limit that is exceeded now."""

    async def run(self) -> None:
        """Check regularly, until cancelled."""
        while True:
            try:
                await self.check()
            except Exception:
                log.exception("load.unknown")
            await self.clock.sleep(INTERVAL.total_seconds())

    async def check(self) -> None:
        exceeded = await self._exceeded_limit()
        if exceeded != self.exceeded:
            log.warning("load.changed", exceeded=exceeded)
        self.exceeded = exceeded

    async def _exceeded_limit(self) -> str | None:
        limits, used = self.limits, self.memory()
        if limits.memory is not None and used is not None and used > limits.memory:
            return "memory"
        if limits.waiting is None and limits.waiting_seconds is None:
            return None
        inbox = (await self.backlog.read(INTERVAL)).inbox
        if limits.waiting is not None and inbox.rows > limits.waiting:
            return "waiting"
        if limits.waiting_seconds is None or inbox.since is None:
            return None
        age = (self.clock.now() - inbox.since).total_seconds()
        return "waiting_seconds" if age > limits.waiting_seconds else None


@dataclass
class LoadShedder:
    """An `Intake` that refuses messages while a limit is exceeded.

    The messages of one address are committed one by one, in the order of arrival; those that
    arrive while others of the address wait are at least `PACE` seconds apart. So a customer who
    floods us fills neither the event loop nor the database's one writer.
    """

    intake: Intake
    _: KW_ONLY
    load_monitor: LoadMonitor
    limits: LimitSettings
    metrics: Metrics
    accepting: int = field(default=0, init=False)
    """Messages that are being accepted at this moment."""
    _lanes: dict[str, _Lane] = field(default_factory=dict, init=False)

    async def accept(self, message: Inbound) -> Accepted:
        """As `Intake.accept`; also raises NotAccepted while a limit is exceeded."""
        try:
            name = message.address.lane
        except AttributeError:  # no Inbound with an Address: the intake says what is wrong
            return await self.intake.accept(message)
        lane = self._lanes.get(name)
        of_lane = lane.accepting if lane else 0
        if (
            self.load_monitor.exceeded is not None
            or self.accepting >= self.limits.accepts
            or of_lane >= self.limits.accepts_each
        ):
            raise self._refusal(of_lane)
        if lane is None:
            lane = self._lanes[name] = _Lane()
        self.accepting += 1
        lane.accepting += 1
        try:
            if not of_lane:  # nearly all messages; a lock would cost more than this whole method
                return await self.intake.accept(message)
            lane.queue = queue = lane.queue or _LaneQueue()
            async with queue.turn:
                await queue.first_done.wait()
                await asyncio.sleep(PACE)
                return await self.intake.accept(message)
        finally:
            self.accepting -= 1
            lane.accepting -= 1
            if not lane.accepting:
                del self._lanes[name]
            elif not of_lane and lane.queue:
                lane.queue.first_done.set()

    async def report(self, receipt: Receipt) -> bool:
        return await self.intake.report(receipt)

    def _refusal(self, of_lane: int) -> NotAccepted:
        limit = self.load_monitor.exceeded
        after = RETRY_AFTER_BACKLOG if limit else RETRY_AFTER_BURST
        limit = limit or ("accepts_each" if of_lane >= self.limits.accepts_each else "accepts")
        self.metrics.shed.labels(limit).inc()
        return NotAccepted(f"more than limits.{limit} allows; please send it again", after=after)


class _LaneQueue:
    """Later messages from an address wait here until its first is committed, then run one at a
    time."""

    def __init__(self) -> None:
        self.turn, self.first_done = asyncio.Lock(), asyncio.Event()


class _Lane:
    """An address from which messages are being accepted; most have one message only."""

    accepting = 0
    queue: _LaneQueue | None = None
