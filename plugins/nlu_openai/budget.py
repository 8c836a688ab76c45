"""How much may be spent in a day, in tokens and in money; counted over restarts."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path

import msgspec
import structlog

log = structlog.get_logger(__name__)


class Spent(msgspec.Struct):
    """What was used on ``day``: tokens read and written, and what that cost."""

    day: date
    tokens: int = 0
    cost: float = 0.0


class Prices(msgspec.Struct, frozen=True):
    """Per million tokens, in a currency of your own."""

    read: float = 0.0
    written: float = 0.0

    def of(self, read: int, written: int) -> float:
        return (read * self.read + written * self.written) / 1_000_000


class Budget:
    """The day's limits; None is no limit. ``file`` keeps the count; ``today`` tells the date."""

    def __init__(
        self,
        *,
        tokens: int | None,
        cost: float | None,
        prices: Prices,
        file: Path,
        today: Callable[[], date],
    ) -> None:
        self._tokens, self._cost, self._prices = tokens, cost, prices
        self._file, self._today = file, today
        self._spent = _read(file) or Spent(day=today())
        self._held = 0
        self._held_cost = 0.0
        self._told: date | None = None

    def take(self, read: int, written: int) -> bool:
        """Hold what a call may need at most. False: it would go over a limit; make no call.
        After True call `settle` with the same figures, whatever happened."""
        self._new_day()
        cost = self._prices.of(read, written)
        tokens = self._spent.tokens + self._held + read + written
        over = self._tokens is not None and tokens > self._tokens
        if self._cost is not None and self._spent.cost + self._held_cost + cost > self._cost:
            over = True
        if over:
            self._tell()
            return False
        self._held += read + written
        self._held_cost += cost
        return True

    def settle(self, read: int, written: int, *, used: tuple[int, int]) -> None:
        """Let go of what was held, and count what was ``used``: tokens read and written."""
        self._held -= read + written
        self._held_cost -= self._prices.of(read, written)
        self._new_day()
        self._spent.tokens += sum(used)
        self._spent.cost += self._prices.of(*used)
        self._file.parent.mkdir(parents=True, exist_ok=True)
        new = self._file.with_suffix(".new")
        new.write_bytes(msgspec.json.encode(self._spent))
        new.replace(self._file)

    def _new_day(self) -> None:
        if self._spent.day != self._today():
            self._spent = Spent(day=self._today())

    def _tell(self) -> None:
        """Once a day: the others work on without it."""
        if self._told != self._spent.day:
            self._told = self._spent.day
            log.warning("openai.spent", tokens=self._spent.tokens, cost=round(self._spent.cost, 4))


def _read(file: Path) -> Spent | None:
    try:
        return msgspec.json.decode(file.read_bytes(), type=Spent)
    except FileNotFoundError:
        return None
    except (OSError, msgspec.MsgspecError) as error:
        # The count of one day is lost; to stand still for it would cost more.
        log.warning("openai.count_unreadable", file=file.name, error=type(error).__name__)
        return None
