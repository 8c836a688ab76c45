"""What starts, runs and stops with the server, and how it reports its state."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Literal, Protocol, runtime_checkable

import msgspec

from gateway.model import Address, Json
from gateway.ports.services import Clock, Services


@runtime_checkable
class StartupResource(Protocol):
    """Needs something of this machine that another program may be using, such as a port."""

    async def open(self) -> None:
        """Claim it. Awaited once at start-up, before any message is accepted and before
        `Poller.run`, in processes that serve HTTP (see `Services.serves_http`). A WarmlineError
        stops the start-up, and its message is printed."""
        ...


@runtime_checkable
class Lifecycle(Protocol):
    """Takes long to get ready, for example because it starts a process."""

    async def start(self) -> None:
        """Start, and return without waiting until it is ready. Awaited once, before everything
        else of the start-up, in a process that has work for it."""
        ...

    async def stop(self) -> None:
        """Release what is still held. Awaited last of all, also when the start-up failed."""
        ...


@runtime_checkable
class NeedsServices(Protocol):
    """Calls the gateway's services outside of `Poller.run`, as a handler may."""

    def use_services(self, services: Services) -> None:
        """Keep ``services`` for later. Called once, in every process that builds a gateway, a
        command's included, before anything runs: the database may not be open yet."""
        ...


@runtime_checkable
class NeedsSetup(Protocol):
    """Has something to get ready before it can work: a session, a cache, a table of its own."""

    async def setup(self, services: Services) -> None:
        """Get ready. Awaited once, when the database is open and before any message is worked: by
        ``warmline serve`` in each of its processes, and by a command that may ask handlers. An
        exception, or more than 60 seconds, stops the start-up, and the error names the plugin.
        What goes on for as long as the server runs belongs in `Poller.run`."""
        ...


@runtime_checkable
class NeedsTeardown(Protocol):
    """Holds something that must be released when the gateway stops."""

    async def teardown(self) -> None:
        """Release it. Awaited once, after the last message and the last send, while the database is
        still open, in the reverse order of `NeedsSetup.setup`. Not called where ``setup`` failed.
        An exception, or more than ``worker.drain`` seconds, is logged with the plugin's name."""
        ...


@runtime_checkable
class Poller(Protocol):
    """Runs beside the server, in every process."""

    async def run(self, services: Services) -> None:
        """Run until cancelled, and reconnect after errors. If this raises, the error is logged and
        counted, and it is started again with back-off."""
        ...


@runtime_checkable
class ExclusiveTask(Protocol):
    """Does something that only one process at a time should do: watch a mailbox, hold a long poll
    or a socket to the provider. It may also be a `Poller`, for what every process needs.

    If the process that runs it dies, another process takes over. Two may run it for a moment, and
    while Redis cannot be reached: a message that both accept is handled once, by its remote id.
    """

    async def watch(self, services: Services) -> None:
        """Run until cancelled, as `Poller.run` does. It may be called again later."""
        ...

    def stand_by(self) -> None:
        """Another process runs the task. That it does not run here is not a problem for
        `ReadinessProbe`."""
        ...


@runtime_checkable
class ReadinessProbe(Protocol):
    """Knows whether it can take messages."""

    async def trouble(self) -> str | None:
        """Return None if it can take messages, else what is wrong, as a text for people."""
        ...


class HealthProblem(msgspec.Struct, frozen=True, kw_only=True):
    """A problem that `warmline doctor` reports: what is wrong, how to fix it, and since when, if
    known.

    ``broken``: customers are affected now. ``warning``: they soon may be.
    """

    what: str
    fix: str
    severity: Literal["broken", "warning"] = "broken"
    since: datetime | None = None


@runtime_checkable
class HealthCheck(Protocol):
    """Can be examined by ``warmline doctor``."""

    async def check_health(self, clock: Clock) -> Sequence[HealthProblem]:
        """Return the problems, none if all is well. An exception is reported as a problem.

        The server may be running or not. Look at files on disk, and make at most one cheap call
        to the provider that changes nothing.
        """
        ...


class UnsafeSetting(msgspec.Struct, frozen=True, kw_only=True):
    """A setting with which the gateway should not be reachable from outside: its key (such as
    ``channels.rest.open``), what is unsafe, and what to do."""

    key: str
    what: str
    fix: str


@runtime_checkable
class DeploymentCheck(Protocol):
    """Knows which of its settings are unsafe in public, for ``warmline check --deploy`` and
    ``warmline doctor``."""

    def unsafe_settings(self) -> Iterable[UnsafeSetting]:
        """Return them, none if all is safe. Look at the settings and at local files only."""
        ...


@runtime_checkable
class CustomerDataHolder(Protocol):
    """Keeps data of customers outside of the gateway's database and files, such as a folder of
    mails. Both methods are called by ``warmline customer``, whether or not a server runs."""

    async def export_customer(self, addresses: Sequence[Address]) -> Json:
        """Return what is kept on the customer with these addresses; empty if it is nothing."""
        ...

    async def erase_customer(self, addresses: Sequence[Address]) -> int:
        """Erase it, and return the number of things erased."""
        ...


@runtime_checkable
class AgentDataHolder(Protocol):
    """Keeps data of agents in a plugin's own storage. What a plugin registers for the web desk may
    have these methods; the desk calls them when an account is exported or removed."""

    async def export_agent(self, services: Services, agent: str) -> Json:
        """Return what is kept on the agent with the id ``agent``; empty if it is nothing."""
        ...

    async def erase_agent(self, services: Services, agent: str) -> int:
        """Erase it, and return the number of things erased."""
        ...


@runtime_checkable
class StartupHints(Protocol):
    """Has hints for the person who starts the server, such as a page's URL or a demo password."""

    def hints(self, url: str) -> Iterable[str]:
        """Return lines that are printed once to the terminal, not to the log. ``url`` is where
        the server listens."""
        ...
