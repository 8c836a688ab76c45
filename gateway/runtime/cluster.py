"""The processes that work as one gateway: what they share and how they divide the work."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from typing import Protocol

import msgspec
from aiolimiter import AsyncLimiter

from gateway.ports import Events
from gateway.runtime.dispatch import Dispatch, Step


class ClusterProcess(msgspec.Struct, frozen=True, kw_only=True):
    """A process of the cluster. ``watches`` names the plugins whose exclusive task it runs."""

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
        """Events shared with the other processes; None when this one works alone."""
        ...

    def lanes(self, name: str, step: Step, *, at_once: int) -> Dispatch:
        """Lanes that all processes work on together, under a ``name`` that is unique here."""
        ...

    def limits(self, rates: Mapping[str, float | None]) -> RateLimits: ...

    async def start(self, sweep_now: Callable[[], None]) -> None:
        """Join the other processes. ``sweep_now`` is called when wakes may have been lost."""
        ...

    async def run_exclusively(
        self, name: str, work: Callable[[], Awaitable[None]], stand_by: Callable[[], None]
    ) -> None:
        """Run ``work`` in one process at a time, until cancelled; ``stand_by`` is called when
        another process runs it."""
        ...

    def sweep_interval(self) -> float:
        """Seconds until the next sweep."""
        ...

    async def may_sweep(self) -> bool:
        """Whether the next sweep is this process's."""
        ...

    async def processes(self) -> tuple[ClusterProcess, ...]:
        """All processes. Raises WarmlineError when they cannot be listed."""
        ...

    def trouble(self) -> str | None:
        """What is wrong between the processes, for people; messages are accepted all the same."""
        ...

    async def stop(self) -> None: ...


class RateLimits(Protocol):
    """How fast each channel may send."""

    async def wait(self, channel: str) -> None:
        """Wait until ``channel`` may send one more message."""
        ...


class LocalRateLimits:
    """Rate limits of this process alone. ``rates``: channel name -> messages a second, None for
    no limit."""

    def __init__(self, rates: Mapping[str, float | None]) -> None:
        self._limiters = {
            name: AsyncLimiter(burst(rate), burst(rate) / rate)
            for name, rate in rates.items()
            if rate
        }

    async def wait(self, channel: str) -> None:
        limiter = self._limiters.get(channel)
        if limiter is not None:
            await limiter.acquire()


def burst(rate: float) -> float:
    """How many messages may be sent at once: one second's worth, at least one."""
    return max(1.0, rate)
