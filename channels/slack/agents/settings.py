"""The section ``plugins.agents_slack``."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field, SecretStr


class AgentsSlackSettings(BaseModel):
    """People answer customers from one channel of a Slack workspace."""

    model_config = ConfigDict(extra="forbid")

    channel: str = Field(pattern="^[CG][A-Z0-9]+$", description="id of the support channel")
    bot_token: SecretStr = Field(description="xoxb-..., of the workspace of that channel")
    agents: tuple[str, ...] | None = Field(
        None, description="user ids; none: every full member of the channel"
    )
    api_base: str = Field("https://slack.com/api/", pattern="^https?://.+/$")
    command: str = Field("/warmline", pattern="^/[a-z0-9_-]{1,31}$")
    tiers: tuple[str, ...] = Field(
        ("front", "specialist"), min_length=1, description="offered at a transfer"
    )
    grace: float = Field(
        3.0, ge=0, le=60, description="seconds in which a reply can still be taken back"
    )
    refresh: float = Field(
        30.0, gt=0, description="seconds between looks at all cards for what has changed"
    )
    pace: float = Field(
        1.0, ge=0, description="seconds between two posts; Slack allows one a second to a channel"
    )
    timeout: float = Field(10.0, gt=0, le=60, description="seconds for one call of Slack")
    know_people_for: float = Field(
        300.0, gt=0, description="seconds for which it is believed who is an agent"
    )
