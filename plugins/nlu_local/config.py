"""What can be set below ``plugins.nlu_local``."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, field_validator

from gateway import Settings

from .engine import NluLocal
from .language import LANGUAGES, check
from .watching import Knowledge


class NluLocalSettings(BaseModel):
    """The section ``plugins.nlu_local``."""

    model_config = ConfigDict(extra="forbid")

    knowledge: tuple[Path, ...] = Field(
        (), description="files in Rasa's nlu.yml format, or folders of them; none: no intents"
    )
    look_every: float = Field(
        2.0, gt=0, description="seconds between looks at the files of examples"
    )
    languages: tuple[str, ...] = Field(
        LANGUAGES, description="ISO 639-1 codes of the languages to expect; all others are `und`"
    )
    _made: NluLocal | None = PrivateAttr(None)

    @field_validator("knowledge", mode="before")
    @classmethod
    def _one_or_many(cls, value: object) -> object:
        return (value,) if isinstance(value, str | Path) else value

    @field_validator("languages")
    @classmethod
    def _known(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        check(value)
        return tuple(dict.fromkeys(value))

    def understander(self, settings: Settings) -> NluLocal:
        """The one understander of this section, made when first asked for.

        The examples are read then, so that a mistake in them stops the start-up (BadConfig).
        """
        if self._made is None:
            self._made = NluLocal(
                languages=self.languages,
                knowledge=Knowledge([settings.path(path) for path in self.knowledge]),
                look_every=self.look_every,
                folder=settings.data_dir / "nlu_local",
            )
        return self._made
