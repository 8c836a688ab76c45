"""Section ``plugins.insights``."""

from __future__ import annotations

from typing import Annotated, Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, PrivateAttr

from plugins.insights.report.settings import ReportSettings
from plugins.insights.review.settings import ReviewSettings


def _check_time_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f"no time zone {name!r}; write it as `Europe/Berlin`") from None
    return name


class InsightsSettings(BaseModel):
    """Section ``plugins.insights``: on when it is there."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    timezone: Annotated[str, AfterValidator(_check_time_zone)] = Field(
        "UTC", description="whose days and hours the figures are of (IANA name)"
    )
    least: int = Field(
        30, ge=1, description="below so many cases a figure is grey and is not compared"
    )
    report: ReportSettings = Field(
        ReportSettings(), description="the weekly report, its digest, and pilots"
    )
    review: ReviewSettings = ReviewSettings()
    _made: dict[str, Any] = PrivateAttr(default_factory=dict)

    @property
    def made(self) -> dict[str, Any]:
        """What several hooks register, made once for this section."""
        return self._made
