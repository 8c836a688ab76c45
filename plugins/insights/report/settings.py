"""The settings of the report: ``plugins.insights.report``."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from plugins.insights.measures.values import Filters

Weekday = Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
WEEKDAYS: tuple[Weekday, ...] = (
    "monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday",
)  # fmt: skip


class PilotSettings(BaseModel):
    """A pilot: what is tried out with some conversations, and compared with all others."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    title: str = Field(min_length=1, max_length=80, description="what is tried out")
    since: date = Field(ge=date(1970, 1, 1), description="its first day")
    until: date | None = Field(None, description="its last day; none: it goes on")
    days_before: int = Field(
        84, ge=0, le=366, description="days before it that it is compared with; 0: none"
    )
    channel: tuple[str, ...] = Field((), description="the channels in it; none: all")
    intent: tuple[str, ...] = Field((), description="the intents in it; none: all")
    brand: tuple[str, ...] = Field((), description="the brands in it; none: all")
    language: tuple[str, ...] = Field((), description="the languages in it; none: all")

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.until is not None and self.until < self.since:
            raise ValueError("`until` is before `since`")
        if not (self.channel or self.intent or self.brand or self.language):
            raise ValueError("needs `channel`, `intent`, `brand` or `language`: what is in it")
        return self

    @property
    def end(self) -> date:
        """Its last day; far in the future while it goes on."""
        return self.until or date.max

    @property
    def before(self) -> tuple[date, date] | None:
        """The first and the last of the days that it is compared with."""
        if not self.days_before:
            return None
        return self.since - timedelta(days=self.days_before), self.since - timedelta(days=1)

    @property
    def filters(self) -> Filters:
        """The conversations in it."""
        return Filters(
            channel=self.channel, intent=self.intent, brand=self.brand, language=self.language
        )


class ReportSettings(BaseModel):
    """Section ``plugins.insights.report``."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    weekly: bool = Field(True, description="make a report of each week, with findings")
    day: Weekday = Field("monday", description="when: of the seven days before")
    hour: int = Field(7, ge=0, le=23, description="from this hour, in `timezone`")
    digest: bool = Field(
        True, description="post ten lines of it where agents are (Slack) and by mail"
    )
    keep_weeks: int = Field(104, ge=1, description="weeks for which stored reports are kept")
    pilots: tuple[PilotSettings, ...] = Field((), description="pilots that the report compares")
