"""What runs beside the server, and how it says that it works."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Literal, Protocol, runtime_checkable

import msgspec

from gateway.ports.services import Clock, Services


@runtime_checkable
class StartupResource(Protocol):
    """Needs something of this machine that another program may have, such as a port. ``open`` is
    awaited once at the start, before any message is taken and before `Poller.run`; a
    WarmlineError stops the start-up and is told as it is. A process without doors (see
    `Services.serves_http`) opens nothing."""

    async def open(self) -> None: ...


@runtime_checkable
class Lifecycle(Protocol):
    """Takes long to get ready. ``begin`` is awaited once, before all else of the start, in a
    process that has work for it; what it starts (a process of its own, say) goes on while the rest
    is put together, so it must not wait for that. ``end`` is awaited at the very end, also of a
    start that came to nothing: what was begun and nobody has let go yet is let go there."""

    async def begin(self) -> None: ...
    async def end(self) -> None: ...


@runtime_checkable
class Poller(Protocol):
    """Runs beside the server until cancelled, in every process. It reconnects by itself; if it
    raises all the same, it is logged, counted and started again with back-off."""

    async def run(self, services: Services) -> None: ...


@runtime_checkable
class ExclusiveTask(Protocol):
    """Looks after something that only one process at a time may look after: a mailbox, a long
    poll, a socket to the provider. It may be a `Poller` too, for what each process needs.

    ``watch`` runs until cancelled, as `Poller.run` does, and maybe again later. Where several
    processes work together it passes to another one when this one dies. For moments two may run,
    and while nobody can tell who else is there: what it takes in twice, the inbox takes in once.
    """

    async def watch(self, services: Services) -> None: ...

    def stand_by(self) -> None:
        """Another process watches: that nobody does here is no trouble (see `ReadinessProbe`)."""
        ...


@runtime_checkable
class ReadinessProbe(Protocol):
    """Can tell whether it works: None when it can take messages, else what is wrong, in words."""

    async def trouble(self) -> str | None: ...


class HealthProblem(msgspec.Struct, frozen=True, kw_only=True):
    """Something that is not well, in words: what, since when if that is known, and what to do.

    ``broken``: customers are not served as they should be; ``warning``: they soon may not be.
    """

    what: str
    fix: str
    severity: Literal["broken", "warning"] = "broken"
    since: datetime | None = None


@runtime_checkable
class HealthCheck(Protocol):
    """Can be examined for `warmline doctor`, whether it runs or not: by what lies on disk, and by
    one cheap call of its provider that changes nothing. Nothing found: all is well. It may raise:
    that is told as it is."""

    async def check_health(self, clock: Clock) -> Sequence[HealthProblem]: ...


@runtime_checkable
class StartupHints(Protocol):
    """Has something to tell the one who starts the server: where to click, a demo's password.
    ``url`` is where it listens; the lines are printed once, to the terminal and not the log."""

    def hints(self, url: str) -> Iterable[str]: ...
