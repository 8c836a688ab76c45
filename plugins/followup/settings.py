"""Section ``plugins.followup``."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from plugins.followup.quiet import Quiet, Zone

Scale = Literal["stars", "number", "text"]
NIGHT = Quiet.model_validate("21:00-08:00")


class Asking(BaseModel):
    """How customers of a channel are asked."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    enabled: bool = True
    delay_minutes: float = Field(30, ge=0, le=60 * 24 * 30, description="after the case is closed")
    quiet: Quiet | None = Field(NIGHT, description="nobody is asked then; null: at any hour")
    scale: Scale = "stars"


class FollowupSettings(Asking):
    """The keys of `Asking` hold on every channel; ``channels`` changes some of them for one."""

    kind: Literal["felt_heard", "csat", "ces"] = "felt_heard"
    timezone: Zone = Field("UTC", description="of the quiet hours (IANA name)")
    channels: dict[str, Asking] = {}

    def on(self, channel: str) -> Asking:
        """What holds on ``channel``: its own keys over the common ones."""
        own = self.channels.get(channel)
        if own is None:
            return self
        return self.model_copy(update={name: getattr(own, name) for name in own.model_fields_set})
