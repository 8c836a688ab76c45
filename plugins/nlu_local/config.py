"""What can be set below ``plugins.nlu_local``."""

from __future__ import annotations

import re
from importlib.util import find_spec
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, field_validator

from gateway import Settings, WarmlineError

from .engine import NluLocal
from .language import LANGUAGES, check
from .watching import Knowledge

HUB = re.compile(r"[A-Za-z0-9][\w.-]*(/[\w.-]+)?")


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
    semantic: str | None = Field(
        None,
        min_length=1,
        description="a sentence-transformers model that helps to tell intents: its folder, or its "
        "name on the Hugging Face hub; needs `pip install 'warmline[semantic]'`",
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

        The examples are read then, so that a mistake in them stops the start-up (BadConfig);
        so does a model that cannot be had (WarmlineError).
        """
        if self._made is None:
            self._made = NluLocal(
                languages=self.languages,
                knowledge=Knowledge([settings.path(path) for path in self.knowledge]),
                look_every=self.look_every,
                folder=settings.data_dir / "nlu_local",
                semantic=self._model(settings),
            )
        return self._made

    def _model(self, settings: Settings) -> str | None:
        """A folder as a path from the root; what is no folder is a name on the hub."""
        if self.semantic is None:
            return None
        if find_spec("sentence_transformers") is None:
            raise WarmlineError(
                "plugins.nlu_local.semantic needs `pip install 'warmline[semantic]'`"
            )
        folder = settings.path(Path(self.semantic))
        if folder.is_dir():
            return str(folder.absolute())
        if not HUB.fullmatch(self.semantic):
            raise WarmlineError(
                f"plugins.nlu_local.semantic: there is no folder {folder}, and a name on the "
                "Hugging Face hub is written `name` or `owner/name`"
            )
        return self.semantic
