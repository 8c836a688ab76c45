"""The two kinds of knowledge files, as pydantic models.

*Example files* hold what customers say, by intent, in the format of Rasa's training data, version
3.1 (https://rasa.com/docs/rasa/training-data-format/). *Answer files* hold the answers, by intent
and language; docs/faq.md describes their format. Read them with `read_shape`, which keeps every
scalar as it was written and names each mistake with file, line and key.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    model_validator,
)

EVERY_LANGUAGE = "*"
"""The key of a value that is the same in every language."""
PLACEHOLDER = re.compile(r"\{(\w+)\}")
"""Where a fact belongs in a text: ``{name}``."""
KINDS = ("intent", "synonym", "regex", "lookup")

AnswerMood = Literal[
    "calm", "pleased", "confused", "anxious", "frustrated", "angry", "urgent", "otherwise"
]


def _text_for(key: str) -> BeforeValidator:
    """A text alone stands for a mapping with one ``key``."""
    return BeforeValidator(lambda value: {key: value} if isinstance(value, str) else value)


def _listed(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


def _link(url: str) -> str:
    if not re.fullmatch(r"/([^/\s]\S*)?|(https?://|mailto:)\S+", url):
        raise ValueError("a link is https://..., mailto:... or the path of a page here, /...")
    return url


def _lines(examples: Any) -> Any:
    """The examples of a block of ``- example`` lines, or of a list of texts or ``text`` entries."""
    if isinstance(examples, list):
        texts = [item.get("text") if isinstance(item, dict) else item for item in examples]
        lines = [text.strip().removeprefix("- ") for text in texts if isinstance(text, str)]
        if len(lines) < len(texts):
            raise ValueError("must be a list of texts, or of entries with a `text`; change it")
        return lines
    if not isinstance(examples, str):
        raise ValueError("must be a block of `- example` lines, or a list; change it")  # noqa: TRY004
    bare = (line.strip() for line in examples.splitlines())
    return [line[1:].strip() for line in bare if line.startswith("-") and line[1:].strip()]


_Text = Annotated[str, Field(min_length=1)]
_Code = Annotated[str, Field(pattern=r"^[a-z]{2,3}$")]
"""A language (ISO 639)."""
_PerLanguage = Annotated[dict[_Code | Literal["*"], _Text], _text_for(EVERY_LANGUAGE)]
_Openers = Annotated[dict[AnswerMood, str], _text_for("otherwise")]
_Sentences = Annotated[tuple[_Text, ...], BeforeValidator(_listed), Field(min_length=1)]


class _Part(BaseModel):
    """A part of a file. A key without a value counts as absent; but an empty ``opener`` is
    kept: the answer then begins without one."""

    model_config = ConfigDict(frozen=True)

    @model_validator(mode="before")
    @classmethod
    def _drop_empty(cls, values: Any) -> Any:
        if isinstance(values, dict):
            return {key: v for key, v in values.items() if v != "" or key == "opener"}
        return values


class _AnswerPart(_Part):
    model_config = ConfigDict(extra="forbid")


class AnswerButton(_AnswerPart):
    """A quick reply. Without ``payload`` it sends its title."""

    title: _Text
    payload: _Text | None = None


class AnswerLink(_AnswerPart):
    """A link. A ``url`` that begins with ``/`` is one of the gateway's own pages."""

    title: _PerLanguage
    url: Annotated[str, AfterValidator(_link)]

    def title_in(self, language: str) -> str:
        """The title in ``language``; empty when there is none."""
        return in_language(self.title, language)

    def absolute(self, public_url: str) -> str:
        """The whole URL; ``public_url`` is where customers reach the gateway."""
        return public_url.rstrip("/") + self.url if self.url.startswith("/") else self.url


class AnswerText(_AnswerPart):
    """One answer in one language. ``personal`` are the sentences of a draft for a
    person, where they differ from ``body``; ``next_step_known`` stands in place of ``next_step``
    once the customer has stated the slots in it."""

    opener: _Openers = {}
    body: _Sentences
    next_step: _Text | None = None
    next_step_known: _Text | None = None
    buttons: tuple[AnswerButton, ...] = ()
    personal: _Sentences | None = None


class AnswerEntry(_AnswerPart):
    """The answer to one intent: its facts, its links, and its text by language. ``needs`` are the
    slots that the customer is asked for first. ``sources_first``: what the team's sources say with
    confidence goes before it."""

    facts: dict[Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")], _PerLanguage] = {}
    links: tuple[AnswerLink, ...] = ()
    needs: Annotated[tuple[_Text, ...], BeforeValidator(_listed)] = ()
    suggest: bool = True
    sources_first: bool = False
    say: Annotated[dict[_Code, AnswerText], Field(min_length=1)]

    def facts_in(self, language: str) -> dict[str, str]:
        """The facts by name, as they read in ``language``; empty where they have no value."""
        return {name: in_language(values, language) for name, values in self.facts.items()}

    def text_in(self, language: str) -> str:
        """Body and next step in ``language`` (a key of ``say``), with the facts filled in, without
        the sentences that need a slot or the opening hours; empty when there are no others."""
        answer, facts = self.say[language], self.facts_in(language)
        texts = (fill_facts(text, facts) for text in (*answer.body, answer.next_step or ""))
        return " ".join(text for text in texts if text and not PLACEHOLDER.search(text))


class DraftText(_AnswerPart):
    """How drafts for people begin and end, in one language."""

    opener: _Openers = {}
    next_step: _Text | None = None


class AnswersFile(_AnswerPart):
    """A file of answers: ``answers`` by intent, ``drafts`` by language."""

    answers: dict[_Text, AnswerEntry] = {}
    drafts: dict[_Code, DraftText] = {}


class ExampleEntry(_Part):
    """The examples of one intent, synonym, regex or lookup, as they were written: with their
    entity annotations (``[two](count)``). Other keys are Rasa's and are ignored."""

    intent: _Text | None = None
    synonym: _Text | None = None
    regex: _Text | None = None
    lookup: _Text | None = None
    examples: Annotated[tuple[str, ...], BeforeValidator(_lines)] = ()

    @model_validator(mode="after")
    def _has_kind(self) -> ExampleEntry:
        if not any(getattr(self, kind) for kind in KINDS):
            raise ValueError(f"has none of {', '.join(KINDS)}; add one")
        return self

    @property
    def name(self) -> tuple[str, str]:
        """Kind and name: ``("intent", "refund")``."""
        return next((kind, name) for kind in KINDS if (name := getattr(self, kind)))


class ExamplesFile(_Part):
    """A file of examples."""

    nlu: tuple[ExampleEntry, ...] = ()


def in_language(values: Mapping[str, str], language: str) -> str:
    """The value for ``language``, else the one for every language, else an empty text."""
    return values.get(language, values.get(EVERY_LANGUAGE, ""))


def fill_facts(text: str, facts: Mapping[str, str]) -> str:
    """``text`` with each ``{name}`` replaced by that fact; unknown names stay as they are."""
    return PLACEHOLDER.sub(lambda found: facts.get(found[1], found[0]), text)
