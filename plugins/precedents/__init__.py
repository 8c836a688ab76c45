"""Drafts for people, from how people answered similar conversations that are resolved."""

from __future__ import annotations

from collections.abc import Callable

from pydantic import BaseModel, ConfigDict, Field

from gateway import Handler, Section, Settings, hookimpl

from .suggester import PrecedentSuggester

__all__ = ["PrecedentSuggester", "PrecedentsSettings"]


class PrecedentsSettings(BaseModel):
    """Section ``plugins.precedents``."""

    model_config = ConfigDict(extra="forbid")

    most: int = Field(300, ge=1, le=5000, description="resolved conversations to look back at")
    days: int = Field(180, ge=1, description="older ones are left out")
    alike: float = Field(0.3, gt=0, le=1, description="least similarity of the questions, 0 to 1")
    look_every: float = Field(60.0, ge=0, description="seconds between two reads of the records")


@hookimpl
def register_settings(section: Section) -> None:
    section("plugins.precedents", PrecedentsSettings, {})


@hookimpl
def register_handlers(register: Callable[[Handler], None], settings: Settings) -> None:
    if section := settings.section(PrecedentsSettings):
        register(
            PrecedentSuggester(
                most=section.most,
                days=section.days,
                alike=section.alike,
                look_every=section.look_every,
            )
        )
