"""A circuit breaker: who fails again and again is left alone for a while."""

from __future__ import annotations

import time
from collections.abc import Callable

FAILURES = 5
REST = 5.0
MOST = 300.0


class CircuitBreaker:
    """Closed while calls go well. After ``failures`` in a row it opens for ``rest`` seconds; then
    one call, and no other meanwhile, is let through as a probe. When that goes well all are let
    through again; when it fails it opens for twice as long, at most ``most`` seconds.

    ``now`` tells seconds that only grow.
    """

    def __init__(
        self,
        *,
        failures: int = FAILURES,
        rest: float = REST,
        most: float = MOST,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._failures, self._rest, self._most, self._now = failures, rest, most, now
        self._failed = 0
        self._opened = 0
        self._until: float | None = None
        self._probing = False

    @property
    def open(self) -> bool:
        """Whether calls are refused, but for probes."""
        return self._until is not None

    def allows(self) -> bool:
        """Whether a call may be made now. After True tell how it went: `succeeded`, `failed`, or
        `abandoned`."""
        if self._until is None:
            return True
        if self._probing or self._now() < self._until:
            return False
        self._probing = True
        return True

    def succeeded(self) -> None:
        self._failed = self._opened = 0
        self._until, self._probing = None, False

    def failed(self, *, after: float | None = None) -> float | None:
        """``after``: the other side asked to be left alone for that many seconds, which opens at
        once. Gives the seconds of the rest that begins now, None when none does."""
        self._failed += 1
        began_before = self._until is not None and not self._probing
        if began_before or (self._failed < self._failures and not self.open and after is None):
            return None
        wait = min(self._most, max(after or 0.0, self._rest * 2.0**self._opened))
        self._until, self._probing = self._now() + wait, False
        self._opened = min(self._opened + 1, 32)
        return wait

    def abandoned(self) -> None:
        """The call was cut off by ourselves: it tells nothing, and the next may probe."""
        self._probing = False
