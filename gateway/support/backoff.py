"""How long work waits: before the next try, with exponential back-off and optional jitter; after
several failures in a row, when a circuit breaker refuses calls; and between its parts, where nobody
waits for it."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from time import perf_counter

SHORTEST = 0.5
"""Seconds; jitter never makes a wait shorter than this (or than the wait itself)."""
FAILURES = 5
"""In a row, until a breaker opens."""


def backoff(attempt: int, first: float, most: float, *, jitter: float = 0.0) -> float:
    """Seconds to wait after ``attempt`` failures (1 or more): ``first``, doubled by each further
    failure, at most ``most``.

    ``jitter`` is the share of the wait that is chosen at random, 0..1: 0 is none, 0.5 gives
    half to all of the wait, 1 is full jitter (Brooker, "Exponential Backoff and Jitter", AWS
    Architecture Blog, 2015).
    """
    wait = min(most, first * 2.0 ** min(attempt - 1, 60))
    chosen = random.uniform(wait * (1 - jitter), wait)  # noqa: S311  (not used for secrets)
    return max(min(SHORTEST, wait), chosen)


@dataclass(slots=True)
class Backoff:
    """The waits of one retry loop. ``first``, ``most`` in seconds; ``jitter`` as in `backoff`."""

    first: float = 1.0
    most: float = 60.0
    jitter: float = 0.0
    failures: int = field(default=0, init=False)
    """In a row."""

    def next(self, after: float | None = None) -> float:
        """Count a failure and return the seconds to wait. ``after`` is what the provider asks for
        (its Retry-After): the wait is never shorter than that, even if that exceeds ``most``."""
        self.failures += 1
        return max(after or 0.0, backoff(self.failures, self.first, self.most, jitter=self.jitter))

    def reset(self) -> None:
        """Start again from ``first``: the last try succeeded."""
        self.failures = 0


@dataclass(slots=True)
class Pace:
    """Lets long work rest, so that customers keep the processor and the database: reading a large
    past as fast as it goes made turns half as fast for as long as it took.

    ``times``: how many times as long as it worked it rests, 0 or more; 19 leaves customers 95 % of
    a processor. ``after``: it rests once it has worked so many seconds, 0 or more. The work begins
    when this is made.
    """

    times: float = 19.0
    after: float = 0.0
    _begun: float = field(default_factory=perf_counter, init=False)

    async def rest(self) -> None:
        """Rest for what was done since the last rest. Real seconds, on any `Clock`: what rests is
        the processor."""
        worked = perf_counter() - self._begun
        if worked >= self.after:
            await asyncio.sleep(self.times * worked)
            self._begun = perf_counter()


@dataclass(kw_only=True)
class CircuitBreaker:
    """Closed while calls succeed. After ``failures`` in a row it opens for ``rest`` seconds, then
    lets one call through as a probe. If the probe succeeds the breaker closes; if it fails the
    breaker opens for twice as long, at most ``most`` seconds.

    ``now`` is a monotonic clock in seconds.
    """

    failures: int = FAILURES
    rest: float = 5.0
    most: float = 300.0
    now: Callable[[], float] = time.monotonic
    _failed: int = field(default=0, init=False)
    """Failures in a row."""
    _opened: int = field(default=0, init=False)
    """How often it opened since the last success."""
    _open_until: float | None = field(default=None, init=False)
    _probing: bool = field(default=False, init=False)

    @property
    def open(self) -> bool:
        """Whether calls other than probes are refused."""
        return self._open_until is not None

    def allows(self) -> bool:
        """Whether a call may be made now. After True report its result with `succeeded`, `failed`
        or `abandoned`."""
        if self._open_until is None:
            return True
        if self._probing or self.now() < self._open_until:
            return False
        self._probing = True
        return True

    def succeeded(self) -> None:
        self._failed = self._opened = 0
        self._open_until, self._probing = None, False

    def failed(self, *, after: float | None = None) -> float | None:
        """Count a failure; the seconds for which the breaker opens now, None when it does not.

        ``after`` is the other side's Retry-After in seconds: the breaker then opens at once.
        """
        self._failed += 1
        stale = self.open and not self._probing
        if stale or (self._failed < self.failures and not self.open and after is None):
            return None
        self._opened += 1
        wait = min(self.most, max(after or 0.0, backoff(self._opened, self.rest, self.most)))
        self._open_until, self._probing = self.now() + wait, False
        return wait

    def abandoned(self) -> None:
        """We cancelled the call: its result is unknown, and the next call may be the probe."""
        self._probing = False
