"""The brand voice, as the gateway knows it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache, partial
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from brand_voice.book import Book
from brand_voice.guide import Guide, schema
from brand_voice.lint import lint
from brand_voice.loading import check, load
from brand_voice.render import render
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

KEPT = 512
"""Renderings of the bot that are remembered: an answer from a file is said over and over, and
each is some kilobytes."""


class BrandVoiceSettings(BaseModel):
    """Section ``brand_voice``."""

    model_config = ConfigDict(extra="forbid")

    guide: Path | None = Field(
        None, description="your own guide, laid over the packaged one; none: the packaged one"
    )


class GuidedVoice:
    """Says things as a guide wants them. Pure: the same in, the same out, and no clock."""

    name = "brand_voice"

    def __init__(self, guide: Guide) -> None:
        self._guide = guide
        self._book = Book(guide)
        self._known = lru_cache(KEPT)(partial(render, self._book))

    def render(self, reply: Reply, occasion: RenderContext) -> Rendered:
        """The parts to send, why they read so, and advice for an agent's words."""
        if occasion.author == "agent" or reply.timers:  # said once; and timers have no hash
            return render(self._book, reply, occasion)
        # Of how the customer feels only the label changes a word.
        mood = Emotion(label=occasion.emotion.label)
        return self._known(reply, occasion.replace(emotion=mood))

    def lint(self, text: str, occasion: RenderContext) -> tuple[Finding, ...]:
        """Advice on ``text``; ``text[finding.start:finding.end]`` is what each is about."""
        return lint(self._book, text, occasion)

    def schema(self) -> Mapping[str, Json]:
        """The JSON Schema of a guide's file."""
        return schema()

    def phrases(self) -> Phrases:
        """What the guide says of how customers speak; see `gateway.Phrases`."""
        said = {code: heard.model_dump() for code, heard in self._guide.customers.items()}
        return {code: {k: v for k, v in kinds.items() if v} for code, kinds in said.items()}

    def check_guide(self, path: Path) -> tuple[str, ...]:
        """Problems of the guide at ``path``; none when it can be used."""
        return check(path)


@hookimpl
def register_settings(section: Section) -> None:
    section("brand_voice", BrandVoiceSettings, {})


@hookimpl
def register_voice(register: Callable[[Voice], None], settings: Settings) -> None:
    own = settings.section(BrandVoiceSettings)
    path = settings.path(own.guide) if own and own.guide else None
    register(GuidedVoice(load(path)))
