"""Finds what a customer had to tell again."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from gateway import Message, Value

ToldFact = Literal[
    "order", "item", "problem", "address", "email", "phone", "name", "date", "photo", "other"
]
"""What was told: a number of an order or parcel, which article, what happened or is wanted, a
postal address, an e-mail address, a phone number, a name, a date, a photo or file; ``other``:
a size, a colour, an amount, or a customer's "as I said" that does not name the fact."""


class ToldAgain(Value, frozen=True, kw_only=True):
    """A fact that the customer had told and was asked for again, or had to repeat.

    ``how`` is ``asked`` when we asked for it again, ``complaint`` when the customer says that they
    have told it ("as I said"), ``repeated`` when they give the same value again after a question.
    The other fields are ids of messages, None when there is no such message.
    """

    fact: ToldFact
    how: Literal["asked", "complaint", "repeated"]
    told: int
    """The customer's message that had it first."""
    asked: int | None = None
    """Our message that asked again, or that the customer's complaint answers."""
    repeated: int | None = None
    """The customer's message that repeats it or complains."""
    by: Literal["bot", "agent"] = "agent"
    """Who asked, or whom the complaint answers. ``agent`` is what handoff completeness counts."""


def told_again(messages: Sequence[Message]) -> tuple[ToldAgain, ...]:
    """What the customer had to tell again, in the order of the messages."""
    raise NotImplementedError
