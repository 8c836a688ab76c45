"""Which lanes have work: at most one worker to a lane, many lanes side by side.

The state is in memory only. What it forgets, the sweep over the database finds again.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import KW_ONLY, dataclass, field
from datetime import datetime, timedelta
from enum import Enum
from typing import Protocol

import structlog

from gateway.ports import Clock
from gateway.runtime.tasks import contained
from gateway.support.backoff import backoff

log = structlog.get_logger()
SLOWEST = 15.0
"""Seconds until a lane that keeps failing is tried again."""
FAILING = 3
"""Failures in a row after which a lane counts as failing."""
GIVE_WAY = 0.05
"""Seconds that the next step of a busy lane waits, at most, for running steps of other lanes."""
LAST_MOMENT = 1.0
"""Seconds for a cancelled step to release what it holds."""


class Next(Enum):
    """What to do with a lane after one step."""

    MORE = "run another step, after the other lanes had their turn"
    DONE = "nothing is waiting"


Step = Callable[[str], Awaitable[Next | datetime]]
"""Does one piece of a lane's work. A datetime: when to run the next step."""


class Dispatch(Protocol):
    """Which lanes have work, and which process works on them."""

    def __len__(self) -> int:
        """How many lanes wait or are worked on in this process."""
        ...

    @property
    def failing(self) -> int:
        """How many lanes have failed several times in a row, in this process."""
        ...

    def wake(self, lane: str) -> None:
        """There may be work in ``lane``."""
        ...

    async def stop(self, grace: float) -> None:
        """Finish the running steps within ``grace`` seconds and begin no others."""
        ...


@dataclass
class LocalLanes:
    """Runs ``step`` for every lane that was woken, ``at_once`` lanes side by side.

    Lanes take turns, one step each, so that a busy lane cannot starve the others. A lane that has
    had more than ``fair`` steps in a row is busy: it waits behind all others, except that every
    eighth step is given to a busy lane, and busy lanes use at most half of the workers. Before its
    next step a busy lane also waits for running steps of other lanes, at most `GIVE_WAY` seconds:
    all share one processor. A wake during a step is remembered. A ``step`` that raises is logged
    and repeated after `retry_delay` seconds.
    """

    step: Step
    _: KW_ONLY
    at_once: int
    clock: Clock
    fair: int = 20
    _waiting: dict[str, None] = field(default_factory=dict, init=False)
    _busy_waiting: dict[str, None] = field(default_factory=dict, init=False)
    _running: set[str] = field(default_factory=set, init=False)
    _busy_running: int = field(default=0, init=False)
    _others_running: int = field(default=0, init=False)
    _others_idle: asyncio.Event = field(default_factory=asyncio.Event, init=False)
    _steps_in_a_row: dict[str, int] = field(default_factory=dict, init=False)
    _picks: int = field(default=0, init=False)
    _woken_again: set[str] = field(default_factory=set, init=False)
    _workers: set[asyncio.Task[None]] = field(default_factory=set, init=False)
    _delayed_wakes: dict[str, tuple[datetime, asyncio.Task[None]]] = field(
        default_factory=dict, init=False
    )
    _failures: dict[str, int] = field(default_factory=dict, init=False)
    _stopping: bool = field(default=False, init=False)

    def __len__(self) -> int:
        return len(self._waiting) + len(self._busy_waiting) + len(self._running)

    @property
    def failing(self) -> int:
        return sum(failures >= FAILING for failures in self._failures.values())

    def wake(self, lane: str) -> None:
        """There may be work in ``lane``."""
        if lane in self._running:
            self._woken_again.add(lane)
            return
        if lane not in self._busy_waiting:
            self._waiting[lane] = None
        if len(self._workers) < self.at_once and not self._stopping:
            self._workers.add(asyncio.create_task(self._work()))

    async def stop(self, grace: float) -> None:
        """Finish the running steps within ``grace`` seconds and begin no others."""
        self._stopping = True
        for _, delayed_wake in self._delayed_wakes.values():
            delayed_wake.cancel()
        if self._workers:
            _, late = await asyncio.wait(set(self._workers), timeout=grace)
            for worker in late:
                worker.cancel()
            if late:
                await asyncio.wait(late, timeout=LAST_MOMENT)

    async def _work(self) -> None:
        try:
            while not self._stopping and (lane := self._pick()) is not None:
                await self._run_step(lane)
        finally:
            # Here, not in a callback: a wake in between would count on a worker that has ended.
            if (worker := asyncio.current_task()) is not None:
                self._workers.discard(worker)

    def _pick(self) -> str | None:
        """The lane whose turn it is; every eighth pick prefers a busy lane."""
        self._picks += 1
        busy_allowed = self._busy_waiting and self._busy_running < max(1, self.at_once // 2)
        queue = self._waiting
        if busy_allowed and (not queue or self._picks % 8 == 0):
            queue = self._busy_waiting
        if not queue:
            return None
        lane = next(iter(queue))
        del queue[lane]
        return lane

    async def _run_step(self, lane: str) -> None:
        busy = self._steps_in_a_row.get(lane, 0) > self.fair
        self._running.add(lane)
        self._count(1, busy=busy)
        after: Next | datetime
        try:
            if busy:
                await self._give_way()
            with contained():
                after = await self.step(lane)
            self._failures.pop(lane, None)
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if self._stopping or task is None:
                raise
            while task.uncancel():  # nobody but `stop` may cancel a worker
                pass
            after = self._failed(lane)
        except Exception:  # noqa: BLE001  (logged and counted by `_failed`)
            after = self._failed(lane)
        finally:
            self._running.discard(lane)
            self._count(-1, busy=busy)
        self._schedule(lane, after)

    def _failed(self, lane: str) -> datetime:
        """Log and count the failure; return when to try again."""
        log.exception("lane.failed", lane=lane)
        failures = self._failures[lane] = self._failures.get(lane, 0) + 1
        return self.clock.now() + timedelta(seconds=retry_delay(failures))

    def _count(self, change: int, *, busy: bool) -> None:
        if busy:
            self._busy_running += change
            return
        self._others_running += change
        if self._others_running:
            self._others_idle.clear()
        else:
            self._others_idle.set()

    async def _give_way(self) -> None:
        if self._others_running:
            with suppress(TimeoutError):
                async with asyncio.timeout(GIVE_WAY):
                    await self._others_idle.wait()

    def _schedule(self, lane: str, after: Next | datetime) -> None:
        if lane in self._woken_again or after is Next.MORE:
            self._woken_again.discard(lane)
            self._steps_in_a_row[lane] = steps = self._steps_in_a_row.get(lane, 0) + 1
            (self._busy_waiting if steps > self.fair else self._waiting)[lane] = None
            return
        self._steps_in_a_row.pop(lane, None)
        if isinstance(after, datetime):
            self._wake_at(lane, after)

    def _wake_at(self, lane: str, at: datetime) -> None:
        known = self._delayed_wakes.get(lane)
        if self._stopping or (known is not None and known[0] <= at):
            return
        if known is not None:
            known[1].cancel()

        async def wake_later() -> None:
            await self.clock.sleep(max(0.0, (at - self.clock.now()).total_seconds()))
            self._delayed_wakes.pop(lane, None)
            self.wake(lane)

        self._delayed_wakes[lane] = (at, asyncio.create_task(wake_later()))


def retry_delay(failures: int) -> float:
    """Seconds until a lane is tried again after ``failures`` in a row: the database may be
    unavailable, or another process may hold the lane. Half of the delay is random, so that lanes
    that failed together are not tried together."""
    return backoff(failures, 0.5, SLOWEST) * random.uniform(0.5, 1)  # noqa: S311  (not a secret)


@dataclass
class OutgoingLanes:
    """Separate lanes for each channel, so that a provider that hangs delays no other channel.

    ``channels``: name of the channel (or webhook endpoint) -> its lanes; ``removed``: the lanes of
    those that are no longer configured.
    """

    channels: Mapping[str, Dispatch]
    _: KW_ONLY
    removed: Dispatch

    def __len__(self) -> int:
        return sum(map(len, self._all()))

    @property
    def failing(self) -> int:
        return sum(lanes.failing for lanes in self._all())

    def wake(self, lane: str) -> None:
        """There may be something to send in ``lane``."""
        self.channels.get(lane.partition(":")[0], self.removed).wake(lane)

    async def stop(self, grace: float) -> None:
        """As `LocalLanes.stop`, for all at the same time."""
        await asyncio.gather(*(lanes.stop(grace) for lanes in self._all()))

    def _all(self) -> tuple[Dispatch, ...]:
        return (*self.channels.values(), self.removed)
