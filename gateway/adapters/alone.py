"""One process that works alone."""

from __future__ import annotations

import os
import socket
from collections.abc import Awaitable, Callable, Mapping

from gateway.adapters.local import LocalEvents
from gateway.ports import Clock
from gateway.services.crew import Process
from gateway.services.dispatch import Lanes, Step
from gateway.services.limits import LocalLimits


class Alone:
    """A crew of one. ``sweep``: seconds between looks for what was forgotten."""

    others = None

    def __init__(self, clock: Clock, *, sweep: float) -> None:
        self._clock, self._sweep = clock, sweep
        self._since = clock.now()
        self._watches: set[str] = set()
        self.events = LocalEvents()

    def lanes(self, name: str, step: Step, *, at_once: int) -> Lanes:  # noqa: ARG002  (no others)
        return Lanes(step, at_once=at_once, clock=self._clock)

    def limits(self, rates: Mapping[str, float | None]) -> LocalLimits:
        return LocalLimits(rates)

    async def start(self, hurry: Callable[[], None]) -> None:
        """There is nobody to wait for."""

    async def hold(
        self,
        name: str,
        work: Callable[[], Awaitable[None]],
        stand_by: Callable[[], None],  # noqa: ARG002  (nobody else does it)
    ) -> None:
        self._watches.add(name)
        await work()

    def sweep(self) -> float:
        return self._sweep

    async def sweeps(self) -> bool:
        return True

    async def processes(self) -> tuple[Process, ...]:
        return (
            Process(
                id="alone",
                role="all",
                host=socket.gethostname(),
                pid=os.getpid(),
                since=self._since,
                watches=tuple(sorted(self._watches)),
            ),
        )

    def trouble(self) -> str | None:
        return None

    async def stop(self) -> None:
        """There is nobody to tell."""
