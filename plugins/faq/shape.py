"""The shape of a file of answers, as it is written by hand."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

Mood = Literal[
    "calm", "pleased", "confused", "anxious", "frustrated", "angry", "urgent", "otherwise"
]
Words = Annotated[str, Field(min_length=1)]
Code = Annotated[str, Field(pattern=r"^[a-z]{2,3}$")]
"""An ISO 639 code of a language."""

EVERY = "*"
"""Stands for every language."""


def _for_all(key: str) -> BeforeValidator:
    def widen(value: Any) -> Any:
        return {key: value} if isinstance(value, str) else value

    return BeforeValidator(widen)


def _one_as_list(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


def _followable(url: str) -> str:
    if not re.fullmatch(r"/([^/\s]\S*)?|(https?://|mailto:)\S+", url):
        raise ValueError("a link is https://..., mailto:... or the path of a page here, /...")
    return url


PerLanguage = Annotated[dict[Code | Literal["*"], Words], _for_all(EVERY)]
Url = Annotated[str, AfterValidator(_followable)]
Openers = Annotated[dict[Mood, str], _for_all("otherwise")]
Sentences = Annotated[list[Words], BeforeValidator(_one_as_list), Field(min_length=1)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid")


class ButtonShape(_Part):
    """A quick reply; without ``payload`` it sends its title."""

    title: Words
    payload: Words | None = None


class LinkShape(_Part):
    """A link; a ``url`` that begins with ``/`` is one of the gateway's own pages."""

    title: PerLanguage
    url: Url


class SayShape(_Part):
    """What is said in one language."""

    opener: Openers = {}
    body: Sentences
    next_step: Words | None = None
    buttons: list[ButtonShape] = []
    personal: Sentences | None = None


class AnswerShape(_Part):
    """The answer to one intent."""

    facts: dict[Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")], PerLanguage] = {}
    links: list[LinkShape] = []
    suggest: bool = True
    say: Annotated[dict[Code, SayShape], Field(min_length=1)]


class DraftShape(_Part):
    """How drafts for people begin and end, in one language."""

    opener: Openers = {}
    next_step: Words | None = None


class FileShape(_Part):
    """A whole file."""

    answers: dict[Words, AnswerShape]
    drafts: dict[Code, DraftShape] = {}
