"""Sign-in attempts, counted, so that passwords cannot be guessed."""

from __future__ import annotations

from collections import OrderedDict
from datetime import datetime, timedelta

from gateway import Clock


class Tries:
    """At most ``each`` attempts for one name from one address and ``many`` from one address
    within ``minutes``; then that address waits until the window is over.

    Nobody can lock a colleague out from elsewhere: a name alone is never locked. An attempt
    counts before its password is checked, so that a burst side by side counts in full.
    """

    def __init__(
        self, clock: Clock, *, each: int = 5, many: int = 30, minutes: int = 15, most: int = 10_000
    ) -> None:
        self._clock, self._each, self._many, self._most = clock, each, many, most
        self._window = timedelta(minutes=minutes)
        self._made: OrderedDict[tuple[str, str], list[datetime]] = OrderedDict()

    def admit(self, name: str, address: str) -> float:
        """Count an attempt: 0 when it may go on, else the seconds to wait (nothing is counted)."""
        wait = max(
            self._wait((name, address), self._each),
            self._wait(("", address), self._many),
        )
        if wait == 0:
            for key in {(name, address), ("", address)}:
                self._made.setdefault(key, []).append(self._clock.now())
                self._made.move_to_end(key)
            while len(self._made) > self._most:
                self._made.popitem(last=False)
        return wait

    def passed(self, name: str, address: str) -> None:
        """The password was right: forget the attempts for this name from there."""
        self._made.pop((name, address), None)

    def _wait(self, key: tuple[str, str], most: int) -> float:
        now = self._clock.now()
        made = [at for at in self._made.get(key, []) if now - at < self._window]
        if made:
            self._made[key] = made
        else:
            self._made.pop(key, None)
        if len(made) < most:
            return 0.0
        return (made[-most] + self._window - now).total_seconds()
