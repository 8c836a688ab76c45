"""Values that all parts of the plugin share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, TypeAlias

import msgspec

from gateway import Json, Value

DiscoveryKind = Literal[
    "phrase_hurts",
    "phrase_helps",
    "unanswered_question",
    "rewritten_answer",
    "channel_drift",
    "new_words",
    "overload",
    "mood_misread",
    "agents_notes",
]
"""``mood_misread``: a language whose moods are read worse than the others; ``agents_notes``: what
agents' notes say again and again. The others are named by docs/findings.md."""


class Figure(Value, frozen=True, kw_only=True):
    """One measured figure with its 95 % interval.

    ``n`` is how many cases it rests on. ``value``, ``low`` and ``high`` are None when there are
    none. Without ``enough`` cases it is shown in grey and is neither ranked nor compared.
    """

    value: float | None
    low: float | None
    high: float | None
    n: int
    enough: bool


class MaskedExample(Value, frozen=True, kw_only=True):
    """What was written in one conversation, without personal data."""

    conversation: int
    text: str


class IntentDraft(Value, frozen=True, kw_only=True, tag="intent"):
    """A new intent for questions that nobody answers yet.

    ``name`` is made of the words that tell these questions from all others, and is none of the
    shop's intents. ``answer`` is what agents answered, if they did: the reply nearest to all of
    their replies, with its conversation.
    """

    name: str
    language: str
    """The language (ISO 639-1) of ``answer``, and of most of the examples."""
    examples: tuple[MaskedExample, ...]
    languages: tuple[str, ...] = ()
    """The language of each example."""
    answer: MaskedExample | None = None


class WordingDraft(Value, frozen=True, kw_only=True, tag="wording"):
    """New words for an answer that agents rewrite."""

    intent: str
    language: str
    old: str
    """The draft as agents got it."""
    new: MaskedExample
    """The agents' version that is nearest to all of their versions."""


class PhraseDraft(Value, frozen=True, kw_only=True, tag="phrase"):
    """A phrase of ours to avoid (``hurts``), or to use more often (not ``hurts``)."""

    phrase: str
    """Lower-case words with one space between them."""
    language: str
    hurts: bool


class WordsDraft(Value, frozen=True, kw_only=True, tag="words"):
    """New words of customers, for the examples of an intent or the phrases of the guide."""

    word: str
    language: str
    intent: str | None
    """The intent of most of the messages with it; None when most have none."""
    examples: tuple[MaskedExample, ...]


Draft: TypeAlias = IntentDraft | WordingDraft | PhraseDraft | WordsDraft
"""What a discovery suggests to change: a proposal is made of it. Its texts are masked; those of
one conversation carry that conversation's id."""


class Discovery(Value, frozen=True, kw_only=True):
    """Something that the report found in the conversations.

    ``title`` says it in a sentence, ``evidence`` in figures; ``proposal`` is the id of the
    proposal that was made of it, if any, and ``draft`` what that proposal would change.
    """

    kind: DiscoveryKind
    title: str
    evidence: Mapping[str, Json] = msgspec.field(default_factory=dict)
    examples: tuple[MaskedExample, ...] = ()
    draft: Draft | None = None
    proposal: str | None = None
