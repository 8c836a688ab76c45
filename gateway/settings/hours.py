"""When agents are available: the hours in a policy file, or of a brand."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, time
from typing import Annotated, Any, Literal, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    ValidationInfo,
    field_validator,
    model_validator,
)

_CLOCK_TIME = re.compile(r"([01]?\d|2[0-3]):[0-5]\d|24:00")
Day = Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
DAYS: tuple[Day, ...] = (
    "monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday",
)  # fmt: skip


class _Part(BaseModel):
    """A part in which an unknown key is a mistake."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Span(_Part):
    """Open from ``start`` to ``end`` on one day; ``end`` None is the midnight that ends it."""

    start: time
    end: time | None

    @model_validator(mode="before")
    @classmethod
    def _parse(cls, given: object) -> object:
        if not isinstance(given, str):
            return given
        start, _, end = (part.strip() for part in given.partition("-"))
        if not (_CLOCK_TIME.fullmatch(start) and _CLOCK_TIME.fullmatch(end)):
            raise ValueError("is no opening time such as `09:00-17:30`; write from-to, in 24 hours")
        return {"start": start.zfill(5), "end": None if end == "24:00" else end.zfill(5)}

    @model_validator(mode="after")
    def _forward(self) -> Self:
        if self.end is not None and self.end <= self.start:
            raise ValueError(
                f"ends before it starts; a night is two spans, `{self.start:%H:%M}-24:00` and the "
                f"next day's `00:00-{self.end:%H:%M}`"
            )
        return self

    def __str__(self) -> str:
        """As files have it: ``09:00-17:30``."""
        return f"{self.start:%H:%M}-{self.end:%H:%M}" if self.end else f"{self.start:%H:%M}-24:00"


def _zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f"there is no time zone `{name}`; write one as `Europe/Berlin`") from None
    return name


Zone = Annotated[str, AfterValidator(_zone)]


class Hours(_Part):
    """When agents are available, in wall-clock times of ``timezone`` (IANA name)."""

    timezone: Zone = "UTC"
    week: Mapping[Day, tuple[Span, ...]] = {
        day: (Span(start=time(9), end=time(17)),) for day in DAYS[:5]
    }
    holidays: frozenset[date] = frozenset()
    exceptions: Mapping[date, tuple[Span, ...]] = {}
    """Dates with hours of their own, whatever the week and the holidays say."""

    @field_validator("week", "exceptions", mode="before")
    @classmethod
    def _one_span(cls, given: object, info: ValidationInfo) -> object:
        """Accepts a single span without a list, and ``closed`` for none. Nothing is ``closed`` for
        a day of the week; for a date it is no exception."""
        if not isinstance(given, Mapping):
            return given
        closed = (None, "closed", False)
        return {
            day: () if spans in closed else [spans] if isinstance(spans, str) else spans
            for day, spans in given.items()
            if spans is not None or info.field_name == "week"
        }

    def as_tree(self) -> dict[str, Any]:
        """As a file has them."""
        dates = sorted(self.exceptions)
        return {
            "timezone": self.timezone,
            "week": {day: [str(span) for span in self.week.get(day, ())] for day in DAYS},
            "holidays": [str(day) for day in sorted(self.holidays)],
            "exceptions": {str(day): [str(span) for span in self.exceptions[day]] for day in dates},
        }
