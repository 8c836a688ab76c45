"""The texts of the survey, from ``texts.yaml``: the questions, the thanks, and what is said when a
case is reopened."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Literal

import msgspec

from gateway import SurveyQuestion, Value, format_date, packaged_yaml

Texts = Mapping[str, str]
"""By language."""
SurveyTone = Literal["warm", "recovered", "careful", "broken"]
"""``warm``: the customer was never upset; ``recovered``: upset, but not at the end; ``careful``:
upset at the end; ``broken``: we promised them something and did not keep it in time."""


class SurveyTexts(Value, frozen=True, kw_only=True):
    """All of ``texts.yaml``, which says what each is for."""

    openers: Mapping[SurveyTone, Texts]
    questions: Mapping[str, Texts]
    aspects: Mapping[str, Texts]
    unsolved: Texts
    stop_word: Texts
    no_more: Texts
    thanks: Mapping[str, Texts]
    reopened: Mapping[str, Texts]
    closed: Texts
    dates: Texts

    def question(self, asked: SurveyQuestion, language: str) -> str:
        """The words of the question."""
        texts = self.questions[asked.kind] if asked.aspect is None else self.aspects[asked.aspect]
        return texts[language]


TEXTS: SurveyTexts = msgspec.convert(packaged_yaml("plugins.followup", "texts.yaml"), SurveyTexts)


def supported(language: str) -> str:
    """``language`` if the texts exist in it, else English."""
    return language if language in TEXTS.unsolved else "en"


def date_of(opening: str, language: str) -> str:
    """The ISO 8601 date and time ``opening``, in its own time zone, as ``language`` writes it."""
    local = datetime.fromisoformat(opening).replace(tzinfo=None)
    return format_date(local, TEXTS.dates[language], language)
