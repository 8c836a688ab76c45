"""What a team may set about answers from its sources."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field


class AnsweringSettings(BaseModel):
    """The part of section ``plugins.knowledge`` about answers."""

    model_config = ConfigDict(extra="forbid")

    answer: bool = Field(
        True, description="answer customers from the sources; false: only drafts and the card"
    )
    wrong_at_most: float = Field(
        0.05,
        gt=0,
        le=0.5,
        description="of the answers sent without asking back, how many are wrong",
    )
    questions: list[Path] = Field(
        [], description="CSV files with questions of people (`text`, `answer`) to calibrate with"
    )
