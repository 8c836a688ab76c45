"""Knowing when to step back, in words: hand-overs, one question back, and the dead end."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, field_validator

from gateway import Handler, Section, Settings, hookimpl
from plugins.escalation.handlers import Escalation, Fallback
from plugins.escalation.words import LINES, Words, trouble

__all__ = ["Escalation", "EscalationSettings", "Fallback", "Words"]

PerLanguage = Annotated[
    dict[str, str], BeforeValidator(lambda v: {"en": v} if isinstance(v, str) else v)
]


class EscalationSettings(BaseModel):
    """Section ``plugins.escalation``."""

    model_config = ConfigDict(extra="forbid")

    titles: dict[str, PerLanguage] = Field(
        {}, description="intent -> language -> what its button says when the bot asks back"
    )
    never_offer: frozenset[str] = Field(
        frozenset(
            {"oos", "none", "greeting", "goodbye", "thanks", "praise", "are_you_a_bot", "complaint"}
        ),
        description="intents that a question back does not offer",
    )
    choices: int = Field(3, ge=2, le=5, description="intents that a question back offers at most")
    least: float = Field(
        0.08, ge=0, le=1, description="a guess less likely than this is not offered"
    )
    words: dict[str, dict[str, str]] = Field(
        {}, description="kind of line -> language -> text, in place of ours"
    )

    @field_validator("words")
    @classmethod
    def _known_and_whole(cls, words: dict[str, dict[str, str]]) -> dict[str, dict[str, str]]:
        for kind, texts in words.items():
            if kind not in LINES:
                raise ValueError(f"no line is called `{kind}`; known are {', '.join(LINES)}")
            for language, text in texts.items():
                problem = trouble(kind, language, text)
                if problem:
                    raise ValueError(f"`{kind}.{language}` {problem}")
        return words


@hookimpl
def register_settings(section: Section) -> None:
    section("plugins.escalation", EscalationSettings, {})


@hookimpl
def register_handlers(register: Callable[[Handler], None], settings: Settings) -> None:
    if mine := settings.section(EscalationSettings):
        words = Words(mine.words)
        register(
            Escalation(
                words=words,
                titles=mine.titles,
                never_offer=mine.never_offer,
                choices=mine.choices,
                least=mine.least,
            )
        )
        register(Fallback(words=words))
