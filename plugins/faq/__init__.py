"""Answers to frequent questions, from YAML files."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from gateway import (
    Handler,
    Json,
    MentionedName,
    MentionedNames,
    NameReader,
    Section,
    Settings,
    hookimpl,
)
from plugins.faq.answers import FaqAnswers, OverlaidAnswers, load, smalltalk_intents
from plugins.faq.entries import HOURS, PLACEHOLDERS
from plugins.faq.handler import Faq

__all__ = ["Faq", "FaqAnswers", "FaqSettings", "load"]


def _as_list(value: Any) -> Any:
    return [value] if isinstance(value, str | Path) else value


class FaqSettings(BaseModel):
    """Section ``plugins.faq``. Paths are relative to the configuration file."""

    model_config = ConfigDict(extra="forbid")

    answers: Annotated[list[Path], BeforeValidator(_as_list), Field(min_length=1)]
    packaged: bool = Field(
        True, description="answer small talk in twelve languages where `answers` has no answer"
    )
    fallback_language: str = Field("en", description="for customers whose language has no text")
    suggest_confidence: float = Field(0.35, ge=0, le=1, description="minimum for a draft")
    look_every: float = Field(1.0, ge=0, description="seconds between checks for changed files")

    def mentions(self, settings: Settings) -> MentionedNames:
        """The intents that have an answer, and the links of the answers."""
        brands = [brand.answers for brand in settings.core.brands.values()]
        read = NameReader([settings.path(path) for path in chain(self.answers, *brands)])
        hours = _stated_hours(settings, self.answers, "")
        for brand in settings.brands:
            if own := settings.core.brands[brand].answers:
                hours += _stated_hours(settings, own, brand)
        return MentionedNames(
            hours=tuple(hours),
            answered=tuple(read.keys("answers")),
            answered_too=smalltalk_intents() if self.packaged else frozenset(),
            links=tuple(read.values("answers", "*", "links", "*", "url")),
            unread=read.unread,
        )


def _stated_hours(settings: Settings, paths: Iterable[Path], brand: str) -> list[MentionedName]:
    """Where these answers of ``brand`` state the opening hours in force."""
    if HOURS in settings.core.slot_names:
        return []
    read = NameReader([settings.path(path) for path in paths])
    facts = [*read.values("answers", "*", "facts", HOURS)]
    facts += read.values("answers", "*", "facts", HOURS, "*")
    own = {fact.key.split(".facts.")[0] for fact in facts}
    texts = [*read.values("answers", "*", "say", "*", "*")]
    texts += read.values("answers", "*", "say", "*", "*", "*")
    return [
        text.replace(name=brand)
        for text in texts
        if HOURS in PLACEHOLDERS.findall(text.name) and text.key.split(".say.")[0] not in own
    ]


@hookimpl
def register_settings(section: Section) -> None:
    section("plugins.faq", FaqSettings, {})


@hookimpl
def register_handlers(register: Callable[[Handler], None], settings: Settings) -> None:
    """Registers the handler. Raises BadConfig that names file, line and key of each mistake."""
    if section := settings.section(FaqSettings):
        read = partial(
            load,
            public_url=settings.core.public_url,
            fallback=section.fallback_language,
            slots=settings.core.slot_names,
        )

        def with_smalltalk(paths: Sequence[Path], overlay: Mapping[str, Json]) -> FaqAnswers:
            return read(paths, overlay=overlay).with_smalltalk()

        def overlaid(paths: Iterable[Path], name: str) -> OverlaidAnswers:
            return OverlaidAnswers(
                [settings.path(path) for path in paths],
                with_smalltalk if section.packaged else read,
                name=name,
                every=section.look_every,
            )

        brands = {
            name: overlaid(brand.answers, f"faq of {name}")
            for name, brand in settings.core.brands.items()
            if brand.answers
        }
        register(
            Faq(
                answers=overlaid(section.answers, "faq"),
                brands=brands,
                suggest_confidence=section.suggest_confidence,
            )
        )
