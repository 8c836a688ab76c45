"""Section ``plugins.practice``."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class PracticeSettings(BaseModel):
    """Section ``plugins.practice``: an agent trains with a simulated customer."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    own_conversations: bool = Field(
        True, description="offers masked hard conversations of the own team, beside those shipped"
    )
    days: int = Field(60, ge=1, le=366, description="how far back these may lie")
    most: int = Field(
        12, ge=1, le=100, description="scenarios from own conversations, by brand and language"
    )
