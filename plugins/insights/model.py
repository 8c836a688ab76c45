"""Values that all parts of the plugin share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

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
]


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


class Discovery(Value, frozen=True, kw_only=True):
    """Something that the report found in the conversations.

    ``title`` says it in a sentence, ``evidence`` in figures; ``proposal`` is the id of the
    proposal that was made of it, if any.
    """

    kind: DiscoveryKind
    title: str
    evidence: Mapping[str, Json] = msgspec.field(default_factory=dict)
    examples: tuple[MaskedExample, ...] = ()
    proposal: str | None = None
