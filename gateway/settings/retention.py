"""How long what is kept for."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field


class Retention(BaseModel):
    """Days after which things are deleted; none: never. Once a day, in small batches."""

    model_config = ConfigDict(extra="forbid")

    conversations_days: int | None = Field(
        None, ge=1, description="of silence; then all of a conversation that nobody has open"
    )
    attachments_days: int | None = Field(None, ge=1, description="then the files of messages")
    inbox_days: int | None = Field(
        90, ge=7, description="rows of handled messages; until then a repetition is known"
    )
    outbox_days: int | None = Field(90, ge=1, description="rows of sent messages")
    webhooks_days: int | None = Field(30, ge=1, description="told ones; until then replayable")
    archive: Path | None = Field(
        None, description="folder in which conversations are kept as JSON lines before they go"
    )
    hour: int = Field(3, ge=0, le=23, description="of the day, UTC, at which it is done")
    batch: int = Field(200, ge=1, le=10_000, description="conversations or rows in one commit")
