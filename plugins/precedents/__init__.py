"""Drafts for people, from how people answered similar conversations that are resolved."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property

from pydantic import BaseModel, ConfigDict, Field

from gateway import Handler, HttpRoutes, Poller, Section, Settings, hookimpl

from .suggester import PrecedentSuggester

__all__ = ["PrecedentSuggester", "PrecedentsSettings"]


class PrecedentsSettings(BaseModel):
    """Section ``plugins.precedents``."""

    model_config = ConfigDict(extra="forbid")

    most: int = Field(300, ge=1, le=5000, description="resolved conversations to look back at")
    days: int = Field(180, ge=1, description="older ones are left out")
    alike: float = Field(0.3, gt=0, le=1, description="least similarity of the questions, 0 to 1")
    look_every: float = Field(60.0, ge=0, description="seconds between two reads of the records")

    @cached_property
    def suggester(self) -> PrecedentSuggester:
        """The one suggester of this section."""
        return PrecedentSuggester(
            most=self.most, days=self.days, alike=self.alike, look_every=self.look_every
        )


@hookimpl
def register_settings(section: Section) -> None:
    section("plugins.precedents", PrecedentsSettings, {})


@hookimpl
def register_handlers(register: Callable[[Handler], None], settings: Settings) -> None:
    if section := settings.section(PrecedentsSettings):
        register(section.suggester)


@hookimpl
def register_routes(register: Callable[[HttpRoutes | Poller], None], settings: Settings) -> None:
    if section := settings.section(PrecedentsSettings):
        register(section.suggester)
