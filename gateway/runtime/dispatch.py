"""Which lanes have work: at most one worker to a lane, many lanes side by side.

The in-process dispatcher. It holds no truth: what it forgets, the sweep over the database finds.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from enum import Enum
from typing import Protocol

import structlog

from gateway.ports import Clock

log = structlog.get_logger()
SLOWEST = 15.0
"""Seconds until a lane that failed again and again is looked at again."""
GIVE_WAY = 0.05
"""Seconds that a lane with many steps on end waits, at most, for the lanes that have few."""
LAST_MOMENT = 1.0
"""Seconds for a step that was cut off to let go of what it holds."""


class Next(Enum):
    """What to do with a lane after one piece of work."""

    MORE = "look again, after the other lanes had their turn"
    DONE = "nothing is waiting"


Step = Callable[[str], Awaitable[Next | datetime]]
"""Do one piece of a lane's work. A datetime: look again then."""


class Dispatch(Protocol):
    """Which lanes have work, and who works them: this process, or one of several."""

    def __len__(self) -> int:
        """How many lanes wait or are worked in this process."""
        ...

    def wake(self, lane: str) -> None:
        """There may be work in ``lane``."""
        ...

    async def stop(self, grace: float) -> None:
        """Finish the steps that run, for at most ``grace`` seconds; take no new ones."""
        ...


class LocalLanes:
    """Runs ``step`` for every lane that was woken; ``at_once`` lanes side by side.

    Lanes take turns, one step each, so that a busy one cannot starve the rest. One that has had
    more than ``patience`` steps on end waits behind all others (a customer who floods us does not
    make the rest wait), though not for ever, and such lanes get half of the workers. Its next step
    also gives way to steps of others that run, for at most `GIVE_WAY` seconds: they share one
    processor. A wake during a step is remembered. A ``step`` that raises is logged and done again
    after `retry_delay` seconds.
    """

    def __init__(self, step: Step, *, at_once: int, clock: Clock, patience: int = 20) -> None:
        self._step = step
        self._at_once = at_once
        self._clock = clock
        self._patience = patience
        self._waiting: dict[str, None] = {}
        self._long: dict[str, None] = {}
        self._long_busy = 0
        self._short_busy = 0
        self._calm = asyncio.Event()
        self._calm.set()
        self._on_end: dict[str, int] = {}
        self._picks = 0
        self._busy: set[str] = set()
        self._again: set[str] = set()
        self._workers: set[asyncio.Task[None]] = set()
        self._alarms: dict[str, tuple[datetime, asyncio.Task[None]]] = {}
        self._failures: dict[str, int] = {}
        self._stopping = False

    def __len__(self) -> int:
        return len(self._waiting) + len(self._long) + len(self._busy)

    def wake(self, lane: str) -> None:
        """There may be work in ``lane``."""
        if lane in self._busy:
            self._again.add(lane)
            return
        if lane not in self._long:
            self._waiting[lane] = None
        if len(self._workers) < self._at_once and not self._stopping:
            self._workers.add(asyncio.create_task(self._serve()))

    async def stop(self, grace: float) -> None:
        """Finish the steps that run, for at most ``grace`` seconds; take no new ones."""
        self._stopping = True
        for _, alarm in self._alarms.values():
            alarm.cancel()
        if self._workers:
            _, late = await asyncio.wait(set(self._workers), timeout=grace)
            for worker in late:
                worker.cancel()
            if late:
                await asyncio.wait(late, timeout=LAST_MOMENT)

    async def _serve(self) -> None:
        try:
            while not self._stopping and (lane := self._pick()) is not None:
                await self._serve_one(lane)
        finally:
            # At once, not in a callback: a wake in between would count on a worker that is gone.
            if (me := asyncio.current_task()) is not None:
                self._workers.discard(me)

    def _pick(self) -> str | None:
        """The lane whose turn it is; every eighth is one that had many already."""
        self._picks += 1
        may_long = self._long and self._long_busy < max(1, self._at_once // 2)
        queue = self._waiting
        if may_long and (not queue or self._picks % 8 == 0):
            queue = self._long
        if not queue:
            return None
        lane = next(iter(queue))
        del queue[lane]
        return lane

    async def _serve_one(self, lane: str) -> None:
        is_long = self._on_end.get(lane, 0) > self._patience
        self._busy.add(lane)
        self._count(1, is_long=is_long)
        after: Next | datetime
        try:
            if is_long:
                await self._give_way()
            after = await self._step(lane)
            self._failures.pop(lane, None)
        except Exception:
            log.exception("lane.failed", lane=lane)
            failures = self._failures[lane] = self._failures.get(lane, 0) + 1
            after = self._clock.now() + timedelta(seconds=retry_delay(failures))
        finally:
            self._busy.discard(lane)
            self._count(-1, is_long=is_long)
        self._arrange(lane, after)

    def _count(self, change: int, *, is_long: bool) -> None:
        if is_long:
            self._long_busy += change
            return
        self._short_busy += change
        if self._short_busy:
            self._calm.clear()
        else:
            self._calm.set()

    async def _give_way(self) -> None:
        if self._short_busy:
            with suppress(TimeoutError):
                async with asyncio.timeout(GIVE_WAY):
                    await self._calm.wait()

    def _arrange(self, lane: str, after: Next | datetime) -> None:
        if lane in self._again or after is Next.MORE:
            self._again.discard(lane)
            self._on_end[lane] = steps = self._on_end.get(lane, 0) + 1
            (self._long if steps > self._patience else self._waiting)[lane] = None
            return
        self._on_end.pop(lane, None)
        if isinstance(after, datetime):
            self._set_alarm(lane, after)

    def _set_alarm(self, lane: str, at: datetime) -> None:
        known = self._alarms.get(lane)
        if self._stopping or (known is not None and known[0] <= at):
            return
        if known is not None:
            known[1].cancel()

        async def ring() -> None:
            await self._clock.sleep(max(0.0, (at - self._clock.now()).total_seconds()))
            self._alarms.pop(lane, None)
            self.wake(lane)

        self._alarms[lane] = (at, asyncio.create_task(ring()))


def retry_delay(failures: int) -> float:
    """Seconds until a lane is looked at again whose steps failed so often, one after another: the
    database may be away, or another process may hold it. Half of it by chance, so that the lanes
    of one failure do not come back together."""
    most: float = min(SLOWEST, 0.25 * 2.0 ** min(failures, 10))
    return random.uniform(most / 2, most)  # noqa: S311  (no secret hangs on it)


class OutgoingLanes:
    """Lanes for each channel by itself, so that a provider that hangs holds up no other.

    ``channels``: channel name -> its lanes; ``gone``: those of channels that are not there any
    more.
    """

    def __init__(self, channels: Mapping[str, Dispatch], *, gone: Dispatch) -> None:
        self._channels, self._gone = channels, gone

    def __len__(self) -> int:
        return sum(map(len, self._all()))

    def wake(self, lane: str) -> None:
        """There may be something to send in ``lane``."""
        self._channels.get(lane.partition(":")[0], self._gone).wake(lane)

    async def stop(self, grace: float) -> None:
        """As `LocalLanes.stop`, of all at the same time."""
        await asyncio.gather(*(lanes.stop(grace) for lanes in self._all()))

    def _all(self) -> tuple[Dispatch, ...]:
        return (*self._channels.values(), self._gone)
