"""What this package registers: the settings below ``plugins.nlu_local`` and the understander."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, field_validator

from gateway import (
    HttpRoutes,
    MentionedNames,
    NameReader,
    Poller,
    Section,
    Settings,
    Understander,
    WarmlineError,
    hookimpl,
    yaml_files,
)

from .engine import NluLocal, has_universal
from .examples import Example, ExampleFiles, contradictions, packaged_courtesies, packaged_examples
from .language import DEFAULT_LANGUAGES, check_languages
from .protocol import PACKAGED_INTENTS

_HUB_NAME = re.compile(r"[A-Za-z0-9][\w.-]*(/[\w.-]+)?")


class NluLocalSettings(BaseModel):
    """The section ``plugins.nlu_local``."""

    model_config = ConfigDict(extra="forbid")

    knowledge: tuple[Path, ...] = Field(
        (), description="files in Rasa's nlu.yml format, or folders of them; none: no intents"
    )
    look_every: float = Field(
        2.0, gt=0, description="seconds between checks for changes of these files"
    )
    packaged: bool | tuple[str, ...] = Field(
        True,
        description="whether the packaged examples of small talk, of asking for a person and of "
        "what is out of scope (`oos`) join those of `knowledge`; or a list of their intents",
    )
    languages: tuple[str, ...] = Field(
        DEFAULT_LANGUAGES,
        description="ISO 639-1 codes of the expected languages; a longer message that is surely in "
        "another one has its code, and what is unclear is `und`",
    )
    sentence_encoder: bool = Field(
        True,
        description="whether the packaged sentence encoder reads moods, and intents unless there "
        "is another model in `semantic`",
    )
    readers: int | None = Field(
        None,
        ge=1,
        le=16,
        description="processes that read messages, about 120 MB each; by default 1, and 2 where "
        "the server has four processors or more",
    )
    semantic: str | None = Field(
        None,
        min_length=1,
        description="a sentence-transformers model that helps to recognise intents: its folder, or "
        "its name on the Hugging Face hub; needs `pip install 'warmline[semantic]'`",
    )
    _understander: NluLocal | None = PrivateAttr(None)

    @field_validator("knowledge", mode="before")
    @classmethod
    def _one_or_many(cls, value: object) -> object:
        return (value,) if isinstance(value, str | Path) else value

    @field_validator("packaged")
    @classmethod
    def _are_packaged(cls, value: bool | tuple[str, ...]) -> bool | tuple[str, ...]:
        unknown = set() if isinstance(value, bool) else set(value) - set(PACKAGED_INTENTS)
        if unknown:
            names = ", ".join(sorted(unknown))
            raise ValueError(f"{names}: not packaged; choose from {', '.join(PACKAGED_INTENTS)}")
        return value

    @field_validator("languages")
    @classmethod
    def _supported(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        check_languages(value)
        return tuple(dict.fromkeys(value))

    def understander(self, settings: Settings) -> NluLocal:
        """The one understander of this section, created on the first call.

        This reads the examples, so that a mistake in them stops the start-up (BadConfig). A model
        that is not installed stops it, too (WarmlineError).
        """
        if self._understander is None:
            self._understander = NluLocal(
                languages=self.languages,
                example_files=ExampleFiles(
                    [settings.path(path) for path in self.knowledge], self._packaged_examples()
                ),
                check_every=self.look_every,
                folder=settings.data_dir / "nlu_local",
                semantic=self._semantic_model(settings),
                universal=self.sentence_encoder,
                courtesies=packaged_courtesies(),
                readers=self.readers or default_readers(),
            )
        return self._understander

    def mentions(self, settings: Settings) -> MentionedNames:
        """The intents that have examples."""
        files = list(yaml_files([settings.path(path) for path in self.knowledge]))
        read = NameReader(files)
        taught = tuple(read.values("nlu", "*", "intent"))
        examples = sum(1 for _ in read.values("nlu", "*", "examples"))
        return MentionedNames(
            engine=True,
            taught=taught,
            taught_too=frozenset(intent for _, intent in self._packaged_examples()),
            unread=read.unread or examples > len(taught) or bool(files and not taught),
            problems=tuple(contradictions(files)),
        )

    def _packaged_examples(self) -> list[Example]:
        """Those that join the shop's own. N-grams alone cannot use them: a greeting in front of any
        question would be a greeting."""
        if not self.knowledge or not self.packaged:
            return []
        if self.semantic is None and not (self.sentence_encoder and has_universal()):
            return []
        if isinstance(self.packaged, bool):
            return packaged_examples(self.languages)
        return packaged_examples(self.languages, self.packaged)

    def _semantic_model(self, settings: Settings) -> str | None:
        """The absolute path of a folder, or a name on the hub."""
        if self.semantic is None:
            return None
        if find_spec("sentence_transformers") is None:
            raise WarmlineError(
                "plugins.nlu_local.semantic needs `pip install 'warmline[semantic]'`"
            )
        folder = settings.path(Path(self.semantic))
        if folder.is_dir():
            return str(folder.absolute())
        if not _HUB_NAME.fullmatch(self.semantic):
            raise WarmlineError(
                f"plugins.nlu_local.semantic: there is no folder {folder}, and a name on the "
                "Hugging Face hub is written `name` or `owner/name`"
            )
        return self.semantic


def default_readers() -> int:
    """One process that reads leaves the server a processor of its own; with four processors there
    is room for a second."""
    affinity = getattr(os, "sched_getaffinity", None)
    processors = len(affinity(0)) if affinity else os.cpu_count() or 1
    return 2 if processors >= 4 else 1


@hookimpl
def register_settings(section: Section) -> None:
    section("plugins.nlu_local", NluLocalSettings, {})


@hookimpl
def register_understanders(register: Callable[[Understander], None], settings: Settings) -> None:
    if section := settings.section(NluLocalSettings):
        register(section.understander(settings))


@hookimpl
def register_routes(register: Callable[[HttpRoutes | Poller], None], settings: Settings) -> None:
    if section := settings.section(NluLocalSettings):
        register(section.understander(settings))
