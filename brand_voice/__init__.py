"""The brand voice: one guide, applied to every reply on every channel."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache, partial
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from brand_voice.compiled import CompiledGuide
from brand_voice.guide import Guide, schema
from brand_voice.lint import lint
from brand_voice.loading import check, load
from brand_voice.rendering import render
from gateway import (
    Emotion,
    Finding,
    Json,
    Phrases,
    RenderContext,
    Rendered,
    Reply,
    Section,
    Settings,
    Voice,
    hookimpl,
)

__all__ = ["BrandVoiceSettings", "Guide", "GuidedVoice", "load"]

CACHED = 512
"""Renderings of the bot's replies to remember. Answers from a file repeat; one takes some kB."""


class BrandVoiceSettings(BaseModel):
    """Section ``brand_voice``."""

    model_config = ConfigDict(extra="forbid")

    guide: Path | None = Field(
        None, description="your own guide, laid over the packaged one; none: the packaged one alone"
    )


class GuidedVoice:
    """Renders and checks texts by a guide. Pure: the result depends on the arguments alone."""

    name = "brand_voice"

    def __init__(self, guide: Guide, brands: Mapping[str, Guide] | None = None) -> None:
        """``brands``: the guides of brands that have their own, by name."""
        self._guides = {"": guide, **(brands or {})}
        self._compiled = {name: CompiledGuide(found) for name, found in self._guides.items()}
        self._cached = {
            name: lru_cache(CACHED)(partial(render, found))
            for name, found in self._compiled.items()
        }

    def render(self, reply: Reply, context: RenderContext) -> Rendered:
        """The parts to send, the rules that shaped them, and advice on an agent's words."""
        brand = context.brand if context.brand in self._guides else ""
        # An agent's words do not repeat, and a reply with timers is not hashable.
        if context.author == "agent" or reply.timers:
            return render(self._compiled[brand], reply, context)
        # The rules read only the label of an emotion.
        emotion = Emotion(label=context.emotion.label)
        return self._cached[brand](reply, context.replace(emotion=emotion, brand=brand))

    def lint(self, text: str, context: RenderContext) -> tuple[Finding, ...]:
        """Advice on ``text``. A finding is about ``text[finding.start:finding.end]``."""
        guide = self._compiled.get(context.brand, self._compiled[""])
        return lint(guide, text, context)

    def schema(self) -> Mapping[str, Json]:
        """The JSON Schema of a guide file."""
        return schema()

    def phrases(self) -> Phrases:
        """The phrases that customers use, of all guides; see `gateway.Phrases`."""
        joined: dict[str, dict[str, tuple[str, ...]]] = {}
        for guide in self._guides.values():
            for code, phrases in guide.customers.items():
                of_language = joined.setdefault(code, {})
                for kind, found in phrases.model_dump().items():
                    if found:
                        before = of_language.get(kind, ())
                        of_language[kind] = tuple(dict.fromkeys([*before, *found]))
        return joined

    def check_guide(self, path: Path) -> tuple[str, ...]:
        """The problems of the guide at ``path``; none when it is valid."""
        return check(path)


@hookimpl
def register_settings(section: Section) -> None:
    section("brand_voice", BrandVoiceSettings, {})


@hookimpl
def register_voice(register: Callable[[Voice], None], settings: Settings) -> None:
    section = settings.section(BrandVoiceSettings)
    path = settings.path(section.guide) if section and section.guide else None
    brands = {
        name: load(settings.path(brand.guide))
        for name, brand in settings.core.brands.items()
        if brand.guide
    }
    register(GuidedVoice(load(path), brands))
