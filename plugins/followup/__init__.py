"""Asks one question after a case is closed, in a tone that fits the conversation."""

from __future__ import annotations

from collections.abc import Callable

from gateway import ContextSource, Handler, Section, Settings, hookimpl
from plugins.followup.handler import Followup, SurveyHistory
from plugins.followup.settings import FollowupSettings
from plugins.followup.survey_answers import parse_answer

__all__ = ["Followup", "FollowupSettings", "parse_answer"]


@hookimpl
def register_settings(section: Section) -> None:
    section("plugins.followup", FollowupSettings, {})


@hookimpl
def register_handlers(register: Callable[[Handler], None], settings: Settings) -> None:
    if section := settings.section(FollowupSettings):
        brands = {
            name: settings.overlaid(section, brand.survey, f"brands.{name}.survey")
            for name, brand in settings.core.brands.items()
            if brand.survey is not None
        }
        register(Followup(settings=section, brands=brands))


@hookimpl
def register_context(register: Callable[[ContextSource], None], settings: Settings) -> None:
    if settings.section(FollowupSettings):
        register(SurveyHistory())
