"""How much a language model may be used in a day."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import msgspec
import structlog

log = structlog.get_logger(__name__)


class TokenUsage(msgspec.Struct):
    """What was used on ``day``: tokens sent and answered, and their cost."""

    day: date
    tokens: int = 0
    cost: float = 0.0


class TokenPrices(msgspec.Struct, frozen=True):
    """Per million tokens, in a currency of your own."""

    read: float = 0.0
    written: float = 0.0

    def cost(self, read: int, written: int) -> float:
        """What these tokens cost."""
        return (read * self.read + written * self.written) / 1_000_000


@dataclass(kw_only=True, eq=False)
class DailyBudget:
    """The limits of a day (None: no limit). ``file`` keeps the count over restarts; ``today``
    returns the date."""

    tokens: int | None
    cost: float | None
    prices: TokenPrices
    file: Path
    today: Callable[[], date]

    def __post_init__(self) -> None:
        self._usage = _read_usage(self.file) or TokenUsage(day=self.today())
        self._reserved = TokenUsage(day=self._usage.day)
        self._logged: date | None = None

    def reserve(self, read: int, written: int) -> bool:
        """Reserve the most that a call may use. False when that exceeds a limit: make no call.
        After True call `settle` with the same figures, whether or not the call succeeded."""
        self._start_day()
        cost = self.prices.cost(read, written)
        tokens = self._usage.tokens + self._reserved.tokens + read + written
        total = self._usage.cost + self._reserved.cost + cost
        if (self.tokens is not None and tokens > self.tokens) or (
            self.cost is not None and total > self.cost
        ):
            self._log_once()
            return False
        self._reserved.tokens += read + written
        self._reserved.cost += cost
        return True

    def settle(self, read: int, written: int, *, used: tuple[int, int]) -> None:
        """Release a reservation and count what was ``used``: tokens sent and answered."""
        self._reserved.tokens -= read + written
        self._reserved.cost -= self.prices.cost(read, written)
        self._start_day()
        self._usage.tokens += sum(used)
        self._usage.cost += self.prices.cost(*used)
        self.file.parent.mkdir(parents=True, exist_ok=True)
        new = self.file.with_suffix(".new")
        new.write_bytes(msgspec.json.encode(self._usage))
        new.replace(self.file)

    def _start_day(self) -> None:
        if self._usage.day != self.today():
            self._usage = TokenUsage(day=self.today())

    def _log_once(self) -> None:
        """Once a day: the other engines work on without this one."""
        usage = self._usage
        if self._logged != usage.day:
            self._logged = usage.day
            log.warning("openai.budget_used_up", tokens=usage.tokens, cost=round(usage.cost, 4))


def _read_usage(file: Path) -> TokenUsage | None:
    try:
        return msgspec.json.decode(file.read_bytes(), type=TokenUsage)
    except FileNotFoundError:
        return None
    except (OSError, msgspec.MsgspecError) as error:
        # Losing the count of one day costs less than not starting.
        log.warning("openai.usage_unreadable", file=file.name, error=type(error).__name__)
        return None
