"""Section ``plugins.insights.review``: how much is reviewed, and by whom."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from gateway import Agent, DeskRight

LANGUAGE_NAMES: Mapping[str, str] = {
    "ar": "arabic",
    "bg": "bulgarian",
    "ca": "catalan",
    "cs": "czech",
    "da": "danish",
    "de": "german",
    "el": "greek",
    "en": "english",
    "es": "spanish",
    "et": "estonian",
    "fa": "persian",
    "fi": "finnish",
    "fr": "french",
    "he": "hebrew",
    "hi": "hindi",
    "hr": "croatian",
    "hu": "hungarian",
    "id": "indonesian",
    "it": "italian",
    "ja": "japanese",
    "ko": "korean",
    "lt": "lithuanian",
    "lv": "latvian",
    "nb": "norwegian",
    "nl": "dutch",
    "no": "norwegian",
    "pl": "polish",
    "pt": "portuguese",
    "ro": "romanian",
    "ru": "russian",
    "sk": "slovak",
    "sl": "slovenian",
    "sr": "serbian",
    "sv": "swedish",
    "th": "thai",
    "tr": "turkish",
    "uk": "ukrainian",
    "vi": "vietnamese",
    "zh": "chinese",
}
"""English names of languages, as agents' skills write them."""

LanguageKey = Annotated[str, Field(pattern="^[a-z]{2,3}$")]
AgentId = Annotated[str, Field(pattern="^[a-z_]+:.+$")]


class ReviewSettings(BaseModel):
    """Section ``plugins.insights.review``."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    per_week: int = Field(60, ge=0, le=7000, description="answers drawn for review; 0: none")
    double_share: float = Field(
        0.2, ge=0, le=1, description="share of them that two people review, to see how they agree"
    )
    days: int = Field(14, ge=1, le=90, description="how long an answer waits for a review")
    low_confidence: float = Field(
        0.7, ge=0, le=1, description="an intent below it is drawn more often"
    )
    new_days: int = Field(
        14, ge=0, le=365, description="how long a new intent, answer or engine is drawn more often"
    )
    reviewers: tuple[AgentId, ...] = Field(
        (), description="agents who review beside leads and admins, by id: `desk:cleo`"
    )
    read_by_all: tuple[LanguageKey, ...] = Field(
        ("en",), description="languages that every reviewer reads (ISO 639-1)"
    )
    languages: Mapping[LanguageKey, tuple[str, ...]] = Field(
        {},
        description="skills of those who read a language (`de: [german]`); its code and its "
        "English name always count",
    )

    @property
    def page_right(self) -> DeskRight:
        """Who sees the pages in the desk's menu: leads, or everybody if agents review, too."""
        return "work" if self.reviewers else "see_all"

    def may_review(self, agent: Agent, rights: frozenset[DeskRight]) -> bool:
        return "see_all" in rights or agent.id in self.reviewers

    def reads(self, agent: Agent, language: str) -> bool:
        """Whether ``agent`` reads ``language``: everybody reads what is not known."""
        if language in ("", "und") or language in self.read_by_all:
            return True
        skills = {skill.casefold() for skill in agent.skills}
        named = {language, LANGUAGE_NAMES.get(language, language)}
        return bool(skills & {*named, *(s.casefold() for s in self.languages.get(language, ()))})
