"""Shadow mode: the gateway works every turn and says nothing."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

import msgspec

SHADOW_SOURCE = "shadow: "
"""How the source of a suggestion begins that is what the bot would have said."""


class ShadowPeriod(msgspec.Struct, frozen=True, kw_only=True):
    """A time in shadow mode; ``until`` is None while it lasts. ``by`` is who turned it on."""

    since: datetime
    until: datetime | None = None
    by: str = ""


class ShadowState(msgspec.Struct, frozen=True, kw_only=True):
    """The times in shadow mode, oldest first."""

    periods: tuple[ShadowPeriod, ...] = ()

    @property
    def current(self) -> ShadowPeriod | None:
        """The time that lasts; None: the bot answers."""
        last = self.periods[-1] if self.periods else None
        return last if last is not None and last.until is None else None

    @property
    def on(self) -> bool:
        return self.current is not None


class ShadowSwitch(Protocol):
    """Turns shadow mode on and off, for all processes.

    While it is on, every turn is worked as ever and goes to a person; what the bot would have said
    becomes a suggestion, whose source begins with `SHADOW_SOURCE`.
    """

    @property
    def known(self) -> ShadowState:
        """The state as this process knew it last, without a look at the database: for pages."""
        ...

    async def state(self) -> ShadowState:
        """Return the state in the database."""
        ...

    async def turn(self, *, on: bool, by: str) -> bool:
        """Turn it on or off, and return after the commit; False when it was so already. ``by``: who
        does, as the audit log names people."""
        ...
