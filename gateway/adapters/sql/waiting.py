"""Work for a database that waits to be done, and what comes of it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Generic, TypeVar

from sqlalchemy import Connection

T = TypeVar("T")
Unit = Callable[[Connection], T]
Outcome = tuple[Any, BaseException | None]
"""The result of a unit, or what it raised."""
MOST = 64
"""Units of one transaction, at most."""


class Waiting(Generic[T]):
    """A unit, the key that orders it in its group, and who waits for it. ``long``: it is run by
    itself in the thread; ``bare``: so is this one, and outside of a transaction."""

    __slots__ = ("bare", "done", "key", "long", "unit")

    def __init__(
        self,
        unit: Unit[T],
        key: str,
        done: asyncio.Future[T],
        *,
        long: bool = False,
        bare: bool = False,
    ) -> None:
        self.unit, self.key, self.done = unit, key, done
        self.long, self.bare = long or bare, bare

    def tell(self, result: Any, error: BaseException | None) -> None:
        """What came of it, for who waits; nobody, if they were cancelled: the work stands."""
        if self.done.done():
            return
        if error is None:
            self.done.set_result(result)
        else:
            self.done.set_exception(error)
