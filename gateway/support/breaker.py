"""A circuit breaker: after several failures in a row it refuses calls for a while."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from gateway.support.backoff import backoff

FAILURES = 5
"""In a row, until the breaker opens."""


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
