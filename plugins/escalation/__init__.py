"""The bot's words when it steps back: the hand-over, what it asks before, the fallback."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Annotated

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, field_validator

from gateway import Handler, MentionedNames, Section, Settings, hookimpl
from plugins.escalation.handlers import Escalation, Fallback, Matters, SlotTexts, slot_texts
from plugins.escalation.texts import ALONE, TEXTS, HandoverTexts, missing_kinds, text_problem

__all__ = ["Escalation", "EscalationSettings", "Fallback", "HandoverTexts"]

PerLanguage = Annotated[
    dict[str, str], BeforeValidator(lambda v: {"en": v} if isinstance(v, str) else v)
]


def _check_emergency_key(key: str) -> str:
    if not re.fullmatch("[a-z]{2}|[A-Z]{2}|default", key):
        raise ValueError(
            f"`{key}` is no language (`de`), no country (`US`) and not `default`; write one of them"
        )
    return key


def _check_emergency_number(number: str) -> str:
    if not re.fullmatch(r"\+?\d[\d -]{0,13}\d", number):
        raise ValueError(f"`{number}` is not a phone number; write it as `112` or `+49 30 19240`")
    return number


EmergencyKey = Annotated[str, AfterValidator(_check_emergency_key)]
EmergencyNumber = Annotated[str, AfterValidator(_check_emergency_number)]


class EscalationSettings(BaseModel):
    """Section ``plugins.escalation``."""

    model_config = ConfigDict(extra="forbid")

    titles: dict[str, PerLanguage] = Field(
        {},
        description="intent -> language -> title: its button in a clarifying question, and "
        "the name of the matter in a hand-over",
    )
    never_offer: frozenset[str] = Field(
        frozenset(
            {
                *("oos", "none", "greeting", "goodbye", "thanks", "praise", "are_you_a_bot"),
                *("what_can_you_do", "complaint"),
            }
        ),
        description="intents that a clarifying question does not offer",
    )
    choices: int = Field(3, ge=2, le=5, description="most intents offered in a clarifying question")
    least: float = Field(
        0.08, ge=0, le=1, description="an intent with less confidence than this is not offered"
    )
    words: dict[str, dict[str, str]] = Field(
        {}, description="kind of text -> language -> text, in place of the packaged one"
    )

    emergency_numbers: dict[EmergencyKey, EmergencyNumber] = Field(
        {},
        description="language (`de`), country (`US`, where a fact `country` of the customer names "
        "it) or `default` -> emergency number, said to customers who speak of harm",
    )

    @field_validator("words")
    @classmethod
    def _validate_words(cls, words: dict[str, dict[str, str]]) -> dict[str, dict[str, str]]:
        for kind, texts in words.items():
            if kind not in TEXTS:
                raise ValueError(
                    f"unknown kind of text `{kind}`; known kinds are {', '.join(TEXTS)}"
                )
            for language, text in texts.items():
                if problem := text_problem(kind, language, text):
                    raise ValueError(f"`{kind}.{language}` {problem}")
        return words

    def mentions(self, settings: Settings) -> MentionedNames:  # noqa: ARG002  (see MentionsNames)
        """Texts in a language that is not used, for it lacks others."""
        return MentionedNames(
            warnings=tuple(
                (
                    f"plugins.escalation.words.{kind}.{language}",
                    (
                        f"it is not said, for this language lacks {', '.join(kinds)}; "
                        "customers read English until `words` has these too"
                    ),
                )
                for language, kinds in missing_kinds(self.words).items()
                for kind in self.words
                if language in self.words[kind] and kind not in ALONE
            )
        )


@hookimpl
def register_settings(section: Section) -> None:
    section("plugins.escalation", EscalationSettings, {})


@hookimpl
def register_handlers(register: Callable[[Handler], None], settings: Settings) -> None:
    if section := settings.section(EscalationSettings):
        texts = HandoverTexts(section.words, section.emergency_numbers)
        matters = Matters(
            titles=section.titles,
            unnamed=section.never_offer,
            slots=slot_texts(
                {
                    name: SlotTexts(titles=slot.titles, ask=slot.ask)
                    for name, slot in settings.core.slots.items()
                }
            ),
        )
        register(
            Escalation(
                texts=texts,
                titles=section.titles,
                never_offer=section.never_offer,
                choices=section.choices,
                least=section.least,
                matters=matters,
            )
        )
        register(Fallback(texts=texts, matters=matters))
