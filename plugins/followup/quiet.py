"""Hours in which nobody should be disturbed. Pure."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from typing import Annotated
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BaseModel, ConfigDict, model_validator


def _zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f"no time zone {name!r}; write it as `Europe/Berlin`") from None
    return name


Zone = Annotated[str, AfterValidator(_zone)]


class Quiet(BaseModel):
    """From ``start`` to ``end`` by the clock on the wall; over midnight when ``end`` is earlier."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    start: time
    end: time

    @model_validator(mode="before")
    @classmethod
    def _from_words(cls, given: object) -> object:
        if not isinstance(given, str):
            return given
        start, dash, end = (part.strip() for part in given.partition("-"))
        if not dash:
            raise ValueError("write quiet hours as `21:00-08:00`, or `null` for none")
        return {"start": start.zfill(5), "end": end.zfill(5)}

    @model_validator(mode="after")
    def _not_all_day(self) -> Quiet:
        if self.start == self.end:
            raise ValueError("begins when it ends; write `null` for no quiet hours")
        return self


def not_in(quiet: Quiet | None, at: datetime, zone: str) -> datetime:
    """``at`` itself, or the end of the quiet hours that it falls into, in UTC."""
    if quiet is None:
        return at.astimezone(UTC)
    wall = at.astimezone(ZoneInfo(zone))
    now, over_midnight = wall.time(), quiet.end < quiet.start
    if over_midnight:
        inside = now >= quiet.start or now < quiet.end
    else:
        inside = quiet.start <= now < quiet.end
    if not inside:
        return at.astimezone(UTC)
    tomorrow = over_midnight and now >= quiet.start
    day = wall.date() + timedelta(days=1 if tomorrow else 0)
    ends = datetime.combine(day, quiet.end, wall.tzinfo)
    # The later of the two readings: an hour that the clocks repeat is quiet both times.
    return max(at.astimezone(UTC), *(ends.replace(fold=f).astimezone(UTC) for f in (0, 1)))
