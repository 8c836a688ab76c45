"""Answers to frequent questions, kept in files."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from gateway import Handler, Section, Settings, hookimpl
from plugins.faq.answers import Answers, load
from plugins.faq.book import Book
from plugins.faq.handler import Faq

__all__ = ["Answers", "Book", "Faq", "FaqSettings", "load"]


def _one_as_list(value: Any) -> Any:
    return [value] if isinstance(value, str | Path) else value


class FaqSettings(BaseModel):
    """Section ``plugins.faq``. Paths are relative to the configuration file."""

    model_config = ConfigDict(extra="forbid")

    answers: Annotated[list[Path], BeforeValidator(_one_as_list), Field(min_length=1)]
    fallback_language: str = Field("en", description="for customers whose language has no text")
    suggest_confidence: float = Field(0.35, ge=0, le=1, description="least, for a draft")
    look_every: float = Field(1.0, ge=0, description="seconds between looks at the files")


def make(mine: FaqSettings, settings: Settings) -> Faq:
    """Read the answers. Raises BadConfig that names file, line and key of each mistake."""
    read = partial(load, public_url=settings.core.public_url, fallback=mine.fallback_language)
    paths = [settings.path(path) for path in mine.answers]
    book = Book(paths, read, look_every=mine.look_every)
    return Faq(book=book, suggest_confidence=mine.suggest_confidence)


@hookimpl
def register_settings(section: Section) -> None:
    section("plugins.faq", FaqSettings, {})


@hookimpl
def register_handlers(register: Callable[[Handler], None], settings: Settings) -> None:
    if mine := settings.section(FaqSettings):
        register(make(mine, settings))
