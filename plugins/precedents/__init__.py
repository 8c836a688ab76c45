"""Drafts for people, from how people answered similar conversations that are resolved."""

from __future__ import annotations

from collections.abc import Callable

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr

from gateway import Handler, HttpRoutes, Poller, Section, Settings, hookimpl

from .suggester import Precedents

__all__ = ["Precedents", "PrecedentsSettings"]


class PrecedentsSettings(BaseModel):
    """Section ``plugins.precedents``."""

    model_config = ConfigDict(extra="forbid")

    most: int = Field(300, ge=1, le=5000, description="resolved conversations to look back at")
    days: int = Field(180, ge=1, description="older ones are left out")
    alike: float = Field(0.3, gt=0, le=1, description="least likeness of what was asked")
    look_every: float = Field(60.0, ge=0, description="seconds between looks at the records")
    _made: Precedents | None = PrivateAttr(None)

    def precedents(self) -> Precedents:
        """The one of this section, made when first asked for."""
        if self._made is None:
            self._made = Precedents(
                most=self.most, days=self.days, alike=self.alike, look_every=self.look_every
            )
        return self._made


@hookimpl
def register_settings(section: Section) -> None:
    section("plugins.precedents", PrecedentsSettings, {})


@hookimpl
def register_handlers(register: Callable[[Handler], None], settings: Settings) -> None:
    if mine := settings.section(PrecedentsSettings):
        register(mine.precedents())


@hookimpl
def register_routes(register: Callable[[HttpRoutes | Poller], None], settings: Settings) -> None:
    if mine := settings.section(PrecedentsSettings):
        register(mine.precedents())
