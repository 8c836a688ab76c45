"""How much one visitor may do: open lines at once, and things a minute."""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager

from aiolimiter import AsyncLimiter

from gateway import WarmlineError


class TooMany(WarmlineError):
    """Over a bound; it makes sense to try again in ``after`` seconds."""

    def __init__(self, message: str, *, after: float) -> None:
        super().__init__(message)
        self.after = after


class Rate:
    """Things a minute of one key, with a burst of as many; forgets the keys used least lately."""

    def __init__(self, per_minute: int, *, what: str, keys: int = 10_000) -> None:
        self._per_minute, self._what, self._keys = per_minute, what, keys
        self._limiters: OrderedDict[str, AsyncLimiter] = OrderedDict()

    async def take(self, key: str) -> None:
        """Count one; raises TooMany at once instead of waiting."""
        limiter = self._limiters.pop(key, None) or AsyncLimiter(self._per_minute, 60)
        self._limiters[key] = limiter
        if len(self._limiters) > self._keys:
            self._limiters.popitem(last=False)
        if not limiter.has_capacity():
            raise TooMany(f"too many {self._what}; slow down a little", after=60 / self._per_minute)
        await limiter.acquire()


class Places:
    """Lines open at once under one key."""

    def __init__(self, most: int, *, what: str) -> None:
        self._most, self._what = most, what
        self._taken: Counter[str] = Counter()

    @contextmanager
    def take(self, key: str) -> Iterator[None]:
        """Hold a place while the block runs; raises TooMany when none is free."""
        if self._taken[key] >= self._most:
            raise TooMany(f"too many open connections of this {self._what}", after=10)
        self._taken[key] += 1
        try:
            yield
        finally:
            self._taken[key] -= 1
            if not self._taken[key]:
                del self._taken[key]
