"""What all values share: the frozen base class, named facts, and the sets of words."""

from __future__ import annotations

from typing import Any, Literal, Self, TypeAlias

import msgspec

Json: TypeAlias = dict[str, Any] | list[Any] | str | int | float | bool | None
"""What a provider may send us. It is typed at the door, by the channel that parses it."""


MoodLabel = Literal["calm", "pleased", "confused", "anxious", "frustrated", "angry", "urgent"]


Author = Literal["customer", "bot", "agent", "system"]


Status = Literal["received", "queued", "sent", "delivered", "read", "unsure", "failed", "discarded"]


State = Literal["bot", "waiting", "person", "resolved"]


Purpose = Literal[
    "message", "answer", "clarify", "fallback", "handover", "notice", "survey", "thanks"
]


Action = Literal["automate", "clarify", "escalate", "pass"]


Severity = Literal["info", "warning", "error"]


class Value(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A frozen value with keyword-only fields.

    What is frozen before anybody has it cannot hold itself, so the garbage collector is told not
    to look through values (``gc``, msgspec's documentation on structs): reference counts free them.
    """

    def replace(self, **changes: object) -> Self:
        """Give a copy with ``changes``; raises TypeError on an unknown field."""
        return msgspec.structs.replace(self, **changes)


class Fact(Value, frozen=True, kw_only=True):
    """Something known, by name: an amount, a date, an order number. Its value never changes."""

    name: str
    value: str
