"""The brand voice: one guide, applied to every reply on every channel."""

from __future__ import annotations

import asyncio
import copy
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache, partial
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from brand_voice.compiled import CompiledGuide
from brand_voice.guide import Guide, schema
from brand_voice.lint import lint
from brand_voice.loading import GuideFiles, check, load
from brand_voice.rendering import render
from gateway import (
    Emotion,
    FilesWritten,
    Finding,
    Json,
    KeyPath,
    Overlay,
    OverlayProblem,
    Phrases,
    RenderContext,
    Rendered,
    Reply,
    Section,
    Settings,
    VersionKind,
    Voice,
    hookimpl,
    split_brand,
    value_at,
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


class _CompiledGuides:
    """The guides of all brands, compiled; the one for all others is that of the brand ""."""

    def __init__(self, guides: Mapping[str, Guide]) -> None:
        self.sources = dict(guides)
        self.compiled = {name: CompiledGuide(found) for name, found in guides.items()}
        self.cached = {
            name: lru_cache(CACHED)(partial(render, found)) for name, found in self.compiled.items()
        }


class GuidedVoice:
    """Renders and checks texts by a guide. Pure: the result depends on the arguments, and on what
    people adopted, alone."""

    name = "brand_voice"
    version_kinds: frozenset[VersionKind] = frozenset({"guide"})

    def __init__(
        self,
        guide: Guide,
        brands: Mapping[str, Guide] | None = None,
        *,
        files: GuideFiles | None = None,
    ) -> None:
        """``brands``: the guides of brands that have their own, by name. ``files``: those of all
        guides, over which overlays are laid; None: no overlay changes this voice."""
        self._files = files
        self._guides = _CompiledGuides({"": guide, **(brands or {})})

    @classmethod
    def of_files(cls, files: GuideFiles) -> GuidedVoice:
        """The voice of these files."""
        guides, _ = files.overlaid({})
        return cls(guides.pop(""), guides, files=files)

    async def check_overlay(self, overlay: Overlay) -> Sequence[OverlayProblem]:
        """See `VersionConsumer`."""
        if self._files is None:
            return ()
        return (await asyncio.to_thread(self._files.overlaid, overlay.tree))[1]

    async def use_overlay(self, overlay: Overlay) -> Sequence[OverlayProblem]:
        """See `VersionConsumer`."""
        if self._files is None:
            return ()
        refused = await asyncio.to_thread(self._files.read_again)
        guides, problems = await asyncio.to_thread(self._files.overlaid, overlay.tree)
        if guides != self._guides.sources:
            self._guides = await asyncio.to_thread(_CompiledGuides, guides)
        return (*refused, *problems)

    async def write_overlay(
        self, before: Overlay, after: Overlay, originals: Mapping[str, Json]
    ) -> FilesWritten:
        """See `VersionWriter`."""
        if self._files is None:
            return FilesWritten(originals=originals)
        write = self._files.files.write
        return await asyncio.to_thread(write, before.tree, after.tree, originals)

    async def trial(self, overlay: Overlay) -> GuidedVoice:
        """See `TriedConsumer`."""
        other = copy.copy(self)
        await other.use_overlay(overlay)
        return other

    async def in_force(self, at: KeyPath) -> Json:
        """See `TriedConsumer`. What a guide does not say has the packaged guide's value, and what a
        channel leaves out that of ``default``."""
        brand, path = split_brand(at)
        guide = self._guides.sources.get(brand, self._guides.sources[""])
        tree = guide.model_dump(mode="json", exclude={"channels"})
        tree["channels"] = {
            name: guide.channel(name).model_dump(mode="json") for name in guide.channels
        }
        found: Json = value_at(tree, path)
        return found

    def render(self, reply: Reply, context: RenderContext) -> Rendered:
        """The parts to send, the rules that shaped them, and advice on an agent's words."""
        guides = self._guides
        brand = context.brand if context.brand in guides.compiled else ""
        # An agent's words do not repeat, and a reply with timers is not hashable.
        if context.author == "agent" or reply.timers:
            return render(guides.compiled[brand], reply, context)
        # The rules read only the label of an emotion.
        emotion = Emotion(label=context.emotion.label)
        return guides.cached[brand](reply, context.replace(emotion=emotion, brand=brand))

    def lint(self, text: str, context: RenderContext) -> tuple[Finding, ...]:
        """Advice on ``text``. A finding is about ``text[finding.start:finding.end]``."""
        compiled = self._guides.compiled
        return lint(compiled.get(context.brand, compiled[""]), text, context)

    def schema(self) -> Mapping[str, Json]:
        """The JSON Schema of a guide file."""
        return schema()

    def limits(self) -> Mapping[str, int]:
        """See `LimitSource`."""
        highest: dict[str, int] = {}
        for guide in self._guides.sources.values():
            for name, channel in guide.channels.items():
                if "max_length" in channel.model_fields_set:
                    highest[name] = max(channel.max_length, highest.get(name, 0))
        return highest

    def phrases(self) -> Phrases:
        """The phrases that customers use, of all guides; see `gateway.Phrases`."""
        joined: dict[str, dict[str, tuple[str, ...]]] = {}
        for guide in self._guides.sources.values():
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
        name: settings.path(brand.guide)
        for name, brand in settings.core.brands.items()
        if brand.guide
    }
    register(GuidedVoice.of_files(GuideFiles(path, brands, frozenset(settings.core.brands))))
