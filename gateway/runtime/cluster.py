"""The processes that work as one gateway: what they share, and how they divide the work."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from typing import Protocol

import msgspec
from aiolimiter import AsyncLimiter

from gateway.ports import Events
from gateway.runtime.dispatch import Dispatch, Step


class ClusterProcess(msgspec.Struct, frozen=True, kw_only=True):
    """One of them. ``watches``: what it alone looks after, by the guests' names."""

    id: str
    role: str
    host: str
    pid: int
    since: datetime
    watches: tuple[str, ...] = ()


class Cluster(Protocol):
    """This process and the others."""

    @property
    def events(self) -> Events: ...

    @property
    def others(self) -> Events | None:
        """By which other processes hear of this one; None when it works alone."""
        ...

    def lanes(self, name: str, step: Step, *, at_once: int) -> Dispatch:
        """Lanes that all processes work together; ``name`` tells several of them apart."""
        ...

    def limits(self, rates: Mapping[str, float | None]) -> RateLimits: ...

    async def start(self, hurry: Callable[[], None]) -> None:
        """Begin to work together. ``hurry`` is called when wakes may have been lost."""
        ...

    async def hold(
        self, name: str, work: Callable[[], Awaitable[None]], stand_by: Callable[[], None]
    ) -> None:
        """Do ``work`` in one process at a time, until cancelled; ``stand_by`` is called when
        another one does it."""
        ...

    def sweep(self) -> float:
        """Seconds until the next look for what was forgotten."""
        ...

    async def sweeps(self) -> bool:
        """Whether this process is the one that looks this time."""
        ...

    async def processes(self) -> tuple[ClusterProcess, ...]:
        """Who is there. Raises WarmlineError when nobody can tell."""
        ...

    def trouble(self) -> str | None:
        """What is wrong between the processes, in words. Messages are taken all the same."""
        ...

    async def stop(self) -> None: ...


class RateLimits(Protocol):
    """Paces of channels."""

    async def wait(self, channel: str) -> None:
        """Until ``channel`` may send one more."""
        ...


class LocalRateLimits:
    """``rates``: channel name -> messages a second of this process, None for any number."""

    def __init__(self, rates: Mapping[str, float | None]) -> None:
        self._paces = {
            name: AsyncLimiter(burst(rate), burst(rate) / rate)
            for name, rate in rates.items()
            if rate
        }

    async def wait(self, channel: str) -> None:
        pace = self._paces.get(channel)
        if pace is not None:
            await pace.acquire()


def burst(rate: float) -> float:
    """How many may go at once: one second's worth, at least one."""
    return max(1.0, rate)
