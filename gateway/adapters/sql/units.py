"""What the parts of the store ask of a database, whichever it is.

The work itself is written once, as units: plain functions over a `sqlalchemy.Connection`. What
differs between the databases stands in `dialect`; how units get a connection, a transaction and
company in it is each database's own affair (`database` for SQLite, `postgres`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, TypeVar

from sqlalchemy import Connection

from gateway.adapters.encryption import DataKeys
from gateway.ports import WarmlineError

T = TypeVar("T")


class HeldUp(WarmlineError):
    """Another process had the key for too long."""


class AnyDatabase(Protocol):
    """The database of one process."""

    @property
    def shared(self) -> bool:
        """Whether other processes may serve from it at the same time."""
        ...

    @property
    def keys(self) -> DataKeys:
        """What seals and opens the words that are stored."""
        ...

    async def write(
        self, unit: Callable[[Connection], T], *, key: str = "", long: bool = False
    ) -> T:
        """Run ``unit`` in a transaction, maybe with others, each as if alone; gives its result
        once that is committed. Raises what ``unit`` raised, and HeldUp.

        Units with the same ``key`` (the lane) never overlap, in no process. On a shared database
        ``unit`` is run again when it met another one in a deadlock: it must bear that. ``long``:
        it may take more than a few milliseconds.
        """
        ...

    async def read(self, unit: Callable[[Connection], T], *, long: bool = False) -> T:
        """Run ``unit`` on a snapshot that holds everything committed so far; as `write`."""
        ...

    async def alone(self, unit: Callable[[Connection], T]) -> T:
        """Run ``unit`` on a connection of its own that it may begin and end transactions on, with
        no bound on its time, and no other process doing the same: for migrations."""
        ...

    def watch(self, told: Callable[[int], object]) -> None:
        """``told`` hears how many units shared each commit."""
        ...

    async def vacuum(self) -> None:
        """Give the room of what is gone back to the disk, where the database does not do so by
        itself. Nothing can be written meanwhile."""
        ...

    async def checkpoint(self) -> None:
        """Do what the database can do that nothing erased is left in its files."""
        ...

    async def stop(self) -> None:
        """Let what waits finish, then close."""
        ...
