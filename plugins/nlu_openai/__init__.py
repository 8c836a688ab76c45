"""A language model beside the embedded engine: intents, moods, answers from our own files."""

from __future__ import annotations

from collections.abc import Callable

from gateway import Handler, Section, Settings, Understander, hookimpl

from .settings import OpenAISettings

__all__ = ["OpenAISettings"]


@hookimpl
def register_settings(section: Section) -> None:
    section("plugins.nlu_openai", OpenAISettings, {"OPENAI_API_KEY": "api_key"})


@hookimpl
def register_understanders(register: Callable[[Understander], None], settings: Settings) -> None:
    if section := settings.section(OpenAISettings):
        register(section.understander(settings))


@hookimpl
def register_handlers(register: Callable[[Handler], None], settings: Settings) -> None:
    section = settings.section(OpenAISettings)
    if section and section.answers:
        register(section.grounded_answers(settings))
    if section and section.summarise:
        register(section.summaries(settings))
