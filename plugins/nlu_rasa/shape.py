"""The shapes of the files that hold examples (in Rasa's format) and answers (in the FAQ's)."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, Field, model_validator

KINDS = ("intent", "synonym", "regex", "lookup")
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


Name = Annotated[str, Field(min_length=1)]
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
    """What belongs to one intent, synonym, regex or lookup."""

    intent: Name | None = None
    synonym: Name | None = None
    regex: Name | None = None
    lookup: Name | None = None
    examples: Annotated[tuple[str, ...], BeforeValidator(_lines)] = ()

    @model_validator(mode="after")
    def _known(self) -> EntryShape:
        if not any(getattr(self, kind) for kind in KINDS):
            raise ValueError(f"is none of {', '.join(KINDS)}; mend it")
        return self

    @property
    def name(self) -> tuple[str, str]:
        """Its kind and its name."""
        return next((kind, own) for kind in KINDS if (own := getattr(self, kind)))


class ExamplesShape(Part):
    """A file of examples."""

    nlu: tuple[EntryShape, ...] = ()


class ButtonShape(Part):
    """A quick reply; without ``payload`` it sends its title."""

    title: Name
    payload: str | None = None


class LinkShape(Part):
    """A ``url`` that begins with ``/`` is one of the gateway's own pages."""

    title: PerLanguage
    url: Name


class SayShape(Part):
    """What is said in one language."""

    body: Annotated[tuple[str, ...], BeforeValidator(_one_as_list)]
    next_step: str | None = None
    buttons: tuple[ButtonShape, ...] = ()


class AnswerShape(Part):
    """The answer to one intent."""

    facts: dict[str, PerLanguage] = {}
    links: tuple[LinkShape, ...] = ()
    say: dict[str, SayShape]


class AnswersShape(Part):
    """A file of answers."""

    answers: dict[str, AnswerShape] = {}
