"""Says how an agent changed a suggestion before sending it."""

from __future__ import annotations

from typing import Literal

EditKind = Literal["fact", "tone", "length", "typo"]


def edit_kinds(suggested: str, sent: str) -> tuple[EditKind, ...]:
    """The kinds of edit between the two texts, the main one first; empty when they are alike.

    ``fact``: a number, date, name, price, link, promise, negation or action differs. ``tone``:
    other words for the same facts. ``length``: sentences or words left out or added without a new
    fact. ``typo``: spelling, punctuation or spacing. Several may hold; the order is the rank.
    """
    raise NotImplementedError
