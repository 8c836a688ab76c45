"""Finds the words that an agent wrote for this customer and no other."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from gateway import Message, Value

HumanMomentKind = Literal["name", "past_contact", "specific_fact", "order"]


class HumanMoment(Value, frozen=True, kw_only=True):
    """Words of an agent's message that fit this customer alone: ``text[start:end]`` of it.

    ``name``: the customer's name. ``past_contact``: an earlier contact or purchase of theirs.
    ``specific_fact``: what only this customer told in this conversation (the trip on Friday, the
    green kettle). ``order``: the number of their order, parcel or invoice, which a saved text with
    a gap for it has as well.
    """

    message: int
    kind: HumanMomentKind
    start: int
    end: int


def human_moments(
    messages: Sequence[Message], customer_name: str | None
) -> tuple[HumanMoment, ...]:
    """The human moments in the agents' messages, in the order of the text."""
    raise NotImplementedError
