"""What the bot says around the words of a source, in the customer's language."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from gateway import Passage, format_date, packaged_yaml

FALLBACK = "en"
"""The language of texts for customers whose language has none."""


@cache
def _texts() -> Mapping[str, Any]:
    found: dict[str, Any] = packaged_yaml("plugins.knowledge.answering", "texts.yaml")
    return found


def supported(language: str) -> str:
    """``language`` if there are texts in it, else `FALLBACK`."""
    return language if language in _texts()["which"] else FALLBACK


def text(kind: str, language: str) -> str:
    """The text of ``kind`` in ``language``, which is supported."""
    found: str = _texts()[kind][language]
    return found


def pattern(kind: str) -> Any:
    """Regular expressions for what customers say: ``agreement``, ``ordinals``, ``cardinals``."""
    return _texts()[kind]


def language_intro(passage: Passage, language: str) -> str | None:
    """Says in ``language`` that the passage is in another one; None where it is not, or where that
    one has no name here."""
    name = _texts()["languages"][language].get(passage.language)
    if passage.language == language or name is None:
        return None
    return text("elsewhere", language).format(language=name)


def with_date(title: str, passage: Passage, language: str) -> str:
    """``title`` with the date of the document, as ``language`` writes it."""
    if passage.updated_at is None:
        return title
    date = format_date(passage.updated_at, text("date", language), language)
    return text("updated", language).format(title=title, date=date)
