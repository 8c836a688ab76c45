"""How fast a channel may send: what its provider allows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from aiolimiter import AsyncLimiter


class Limits(Protocol):
    """Paces of channels."""

    async def wait(self, channel: str) -> None:
        """Until ``channel`` may send one more."""
        ...


class LocalLimits:
    """``rates``: channel name -> messages a second of this process, None for any number."""

    def __init__(self, rates: Mapping[str, float | None]) -> None:
        self._paces = {
            name: AsyncLimiter(burst(rate), burst(rate) / rate)
            for name, rate in rates.items()
            if rate
        }

    async def wait(self, channel: str) -> None:
        pace = self._paces.get(channel)
        if pace is not None:
            await pace.acquire()


def burst(rate: float) -> float:
    """How many may go at once: one second's worth, at least one."""
    return max(1.0, rate)
