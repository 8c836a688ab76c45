"""The shapes of the files that hold examples (in Rasa's format) and answers (in the FAQ's), as far
as they are read here."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, Field, model_validator

EVERY = "*"
"""Stands for every language."""


def _lines(examples: Any) -> Any:
    """The examples of a text block of ``- example`` lines, or of a list of ``text`` entries."""
    if isinstance(examples, list):
        listed = [one.get("text") if isinstance(one, dict) else one for one in examples]
        said = [one.strip().removeprefix("- ") for one in listed if isinstance(one, str)]
        if len(said) < len(listed):
            raise ValueError("must be a list of texts, or of entries with a `text`; mend it")
        return said
    if not isinstance(examples, str):
        raise ValueError("must be a block of `- example` lines, or a list; mend it")  # noqa: TRY004
    bare = (line.strip() for line in examples.splitlines())
    return [line[1:].strip() for line in bare if line.startswith("-") and line[1:].strip()]


def _one_as_list(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


def _for_all(value: Any) -> Any:
    return {EVERY: value} if isinstance(value, str) else value


PerLanguage = Annotated[dict[str, str], BeforeValidator(_for_all)]


class Part(BaseModel):
    """Whatever else stands there is for somebody else; a key without a value is as if absent."""

    @model_validator(mode="before")
    @classmethod
    def _told(cls, values: Any) -> Any:
        """Without the keys that say nothing."""
        if isinstance(values, dict):
            return {key: value for key, value in values.items() if value != ""}
        return values


class EntryShape(Part):
    """Without an ``intent`` it is a synonym, a regex or a lookup."""

    intent: str | None = None
    examples: Annotated[tuple[str, ...], BeforeValidator(_lines)] = ()


class ExamplesShape(Part):
    """A file of examples."""

    nlu: tuple[EntryShape, ...] = ()


class LinkShape(Part):
    """A ``url`` that begins with ``/`` is one of the gateway's own pages."""

    title: PerLanguage
    url: Annotated[str, Field(min_length=1)]


class SayShape(Part):
    """What is said in one language."""

    body: Annotated[tuple[str, ...], BeforeValidator(_one_as_list)]
    next_step: str | None = None


class AnswerShape(Part):
    """The answer to one intent."""

    facts: dict[str, PerLanguage] = {}
    links: tuple[LinkShape, ...] = ()
    say: dict[str, SayShape]


class AnswersShape(Part):
    """A file of answers."""

    answers: dict[str, AnswerShape] = {}
