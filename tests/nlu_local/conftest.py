"""Examples to learn from, readers that are loaded once, and turns of a fresh customer."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

import pytest

from gateway import Turn
from gateway.ops.evaluation import fresh_turn
from plugins.nlu_local.language import LANGUAGES
from plugins.nlu_local.readers import Readers

AT = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)

ROWS = (
    *(
        (text, "opening_hours")
        for text in (
            "When do you open?",
            "What are your opening hours?",
            "Are you open on Sundays?",
            "Until when is the shop open tonight?",
            "What time do you close?",
            "opening times please",
        )
    ),
    *(
        (text, "refund")
        for text in (
            "I want my money back",
            "How do I get a refund?",
            "Please refund my order",
            "When will the refund reach my account?",
            "Can you give me my money back?",
            "refund status",
        )
    ),
    *(
        (text, "shipping")
        for text in (
            "How long does delivery take?",
            "What does shipping cost?",
            "Do you ship to Spain?",
            "When will my parcel be delivered?",
            "Is express shipping possible?",
            "shipping fees",
        )
    ),
)


def turns(*texts: str) -> Sequence[Turn]:
    return [fresh_turn(text, AT) for text in texts]


@pytest.fixture(scope="session")
def readers() -> Readers:
    """Loading takes a second, and what is loaded never changes."""
    return Readers(LANGUAGES)
