"""The processes that work as one gateway: what they share, and how they stay out of one another's
way. Of one process alone, this asks nothing of anybody."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from typing import Protocol

import msgspec

from gateway.ports import Events
from gateway.services.dispatch import Dispatch, Step
from gateway.services.limits import Limits


class Process(msgspec.Struct, frozen=True, kw_only=True):
    """One of them. ``watches``: what it alone looks after, by the guests' names."""

    id: str
    role: str
    host: str
    pid: int
    since: datetime
    watches: tuple[str, ...] = ()


class Crew(Protocol):
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

    def limits(self, rates: Mapping[str, float | None]) -> Limits: ...

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

    async def processes(self) -> tuple[Process, ...]:
        """Who is there. Raises WarmlineError when nobody can tell."""
        ...

    def trouble(self) -> str | None:
        """What is wrong between the processes, in words. Messages are taken all the same."""
        ...

    async def stop(self) -> None: ...
