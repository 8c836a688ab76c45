"""Section ``plugins.followup``: one policy for who is asked what, when and how."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from typing import Annotated, Literal, get_args
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from gateway import SurveyAspect, SurveyKind, SurveyQuestion

ASPECTS: tuple[SurveyAspect, ...] = get_args(SurveyAspect)
SurveyScale = Literal["auto", "stars", "number", "text"]
WRITTEN_SCORES = frozenset({"sms", "whatsapp", "email"})
"""Channels on which nothing can be clicked: customers write the number."""


def _check_time_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f"no time zone {name!r}; write it as `Europe/Berlin`") from None
    return name


class QuietHours(BaseModel):
    """Hours in local time in which nobody is asked. They cross midnight if they end earlier than
    they start."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    start: time
    end: time

    @model_validator(mode="before")
    @classmethod
    def _parse(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        start, dash, end = (part.strip() for part in value.partition("-"))
        if not dash:
            raise ValueError("write quiet hours as `21:00-08:00`, or `null` for none")
        return {"start": start.zfill(5), "end": end.zfill(5)}

    @model_validator(mode="after")
    def _not_all_day(self) -> QuietHours:
        if self.start == self.end:
            raise ValueError("the start equals the end; write `null` for no quiet hours")
        return self


class ChannelSurvey(BaseModel):
    """How customers of a channel are asked."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    enabled: bool = True
    delay_minutes: float = Field(30, ge=0, le=60 * 24 * 30, description="after the case is closed")
    quiet: QuietHours | None = Field(
        QuietHours(start=time(21), end=time(8)),
        description="nobody is asked in these hours; null: at any hour",
    )
    scale: SurveyScale = Field(
        "auto",
        description="`stars` or `number` to click, `number` to write where nothing can be clicked, "
        "`text` for words alone; `auto`: numbers on SMS, WhatsApp and e-mail, else stars",
    )

    def scale_on(self, channel: str) -> Literal["stars", "number", "text"]:
        """How customers of ``channel`` answer."""
        if self.scale != "auto":
            return self.scale
        return "number" if channel in WRITTEN_SCORES else "stars"


class FollowupSettings(ChannelSurvey):
    """The keys of `ChannelSurvey` apply to every channel; ``channels`` overrides some for one."""

    kind: SurveyKind | None = Field(None, description="always this question; none: `questions`")
    questions: tuple[SurveyKind, ...] = Field(
        ("felt_heard", "heard_aspect", "csat", "ces"),
        min_length=1,
        description="asked in turn, one after each case; one that is named twice comes twice as "
        "often",
    )
    cool_down_days: float = Field(
        30, ge=0, description="a customer who was asked is left in peace for so long"
    )
    timezone: Annotated[str, AfterValidator(_check_time_zone)] = Field(
        "UTC", description="of the quiet hours (IANA name)"
    )
    channels: dict[str, ChannelSurvey] = {}

    def on(self, channel: str) -> ChannelSurvey:
        """The settings of ``channel``: its own keys over the common ones."""
        own = self.channels.get(channel)
        if own is None:
            return self
        return self.model_copy(update={name: getattr(own, name) for name in own.model_fields_set})

    def question(self, conversation: int, channel: str) -> SurveyQuestion:
        """The question after ``conversation``.

        Only the conversation's number chooses it, so neither its mood nor the agent do: the
        answers to each question are those of a fair sample of all who are asked.
        """
        kinds = (self.kind,) if self.kind is not None else self.questions
        turn, place = divmod(max(conversation - 1, 0), len(kinds))
        kind, aspect = kinds[place], ASPECTS[turn % len(ASPECTS)]
        return SurveyQuestion(
            kind=kind,
            scale=self.on(channel).scale_on(channel),
            aspect=aspect if kind == "heard_aspect" else None,
        )


def after_quiet_hours(quiet: QuietHours | None, at: datetime, zone: str) -> datetime:
    """``at``, or the end of the quiet hours that it falls into, in UTC."""
    moment = at.astimezone(UTC)
    if quiet is None:
        return moment
    local = at.astimezone(ZoneInfo(zone))
    overnight = quiet.end < quiet.start
    started, ended = local.time() >= quiet.start, local.time() >= quiet.end
    if not (started or not ended if overnight else started and not ended):
        return moment
    day = local.date() + timedelta(days=1 if overnight and started else 0)
    end = datetime.combine(day, quiet.end, local.tzinfo)
    # The later of both readings: an hour that the clocks repeat is quiet both times.
    return max(moment, *(end.replace(fold=fold).astimezone(UTC) for fold in (0, 1)))
