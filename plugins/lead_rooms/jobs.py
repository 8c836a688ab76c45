"""What takes longer than a page may wait: it goes on by itself, one at a time, for a bounded
time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Generic, TypeVar

import structlog
from cachetools import LRUCache

from gateway import Clock, WarmlineError

T = TypeVar("T")

PAGE_WAITS = 3.0
"""Seconds that a page waits for a result; a longer job goes on, and the next look shows it."""
MOST_WAITING = 8
"""Jobs that run or wait; further ones are refused."""
MOST_RESULTS = 32
KEPT = timedelta(minutes=10)
"""How long a result is shown before it is worked out again."""

log = structlog.get_logger(__name__)


class JobRefused(WarmlineError):
    """Too many jobs wait already."""


@dataclass(frozen=True, kw_only=True)
class JobResult(Generic[T]):
    """What became of a job: ``value`` once it is done, ``problem`` when it failed."""

    running: bool = False
    value: T | None = None
    problem: str = ""


class RoomJobs:
    """Runs jobs by key: the same key again waits for the job that runs, or gets its result.

    A job has ``seconds``; it is cancelled then, and when the gateway stops.
    """

    def __init__(self, clock: Clock, *, seconds: float) -> None:
        self._clock, self._seconds = clock, seconds
        self._running: dict[str, asyncio.Task[Any]] = {}
        self._results: LRUCache[str, tuple[datetime, JobResult[Any]]] = LRUCache(MOST_RESULTS)
        self._one = asyncio.Lock()

    async def get(
        self, key: str, work: Callable[[], Awaitable[T]], *, wait: float = PAGE_WAITS
    ) -> JobResult[T]:
        """The result of ``work``, or that it still runs. Raises JobRefused."""
        if key in self._results:
            at, result = self._results[key]
            if self._clock.now() - at < KEPT:
                return result
        task = self._running.get(key)
        if task is None:
            if len(self._running) >= MOST_WAITING:
                raise JobRefused("others are working things out; try again in a minute")
            task = self._running[key] = asyncio.create_task(self._run(key, work))
        done, _ = await asyncio.wait({task}, timeout=wait)
        return task.result() if done else JobResult(running=True)

    def forget(self, key: str) -> None:
        """Work it out again at the next look."""
        self._results.pop(key, None)

    async def stop(self) -> None:
        """Cancel what still runs."""
        tasks = list(self._running.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _run(self, key: str, work: Callable[[], Awaitable[T]]) -> JobResult[T]:
        try:
            async with self._one, asyncio.timeout(self._seconds):
                result = JobResult(value=await work())
        except TimeoutError:
            what = f"it took longer than {self._seconds:g} seconds and was given up"
            result = JobResult(problem=f"{what}; see `plugins.lead_rooms.seconds`")
        except WarmlineError as error:
            result = JobResult(problem=str(error))
        except Exception as error:
            log.exception("rooms.job_failed")
            result = JobResult(problem=f"it failed ({type(error).__name__}); see the log")
        finally:
            self._running.pop(key, None)
        self._results[key] = self._clock.now(), result
        return result
