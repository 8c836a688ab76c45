"""A fixture that writes files of answers, and turns as the pipeline makes them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from gateway import (
    Address,
    Conversation,
    Customer,
    Emotion,
    Guess,
    Language,
    Message,
    Reason,
    Route,
    Turn,
    Understanding,
)

AT = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)

Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Writes a file into the test's folder and returns its path."""

    def write_file(text: str, name: str = "answers.yaml") -> Path:
        path = tmp_path / name
        path.write_text(text, "utf-8")
        return path

    return write_file


def turn(
    intent: str = "shipping",
    *,
    sure: float = 0.9,
    language: str = "en",
    mood: str = "calm",
    action: str = "automate",
    reasons: tuple[str, ...] = (),
    about: str | None = None,
    kind: str = "message",
) -> Turn:
    """A turn with a customer's message, fully understood."""
    return Turn(
        id=1,
        at=AT,
        kind=kind,
        message=Message(id=1, conversation=1, author="customer", text="...", at=AT),
        customer=Customer(),
        conversation=Conversation(
            id=1, address=Address(channel="rest", value="sam"), opened_at=AT, intent=about
        ),
        understanding=Understanding(
            language=Language(code=language, confidence=0.9),
            ranking=(Guess(name=intent, confidence=sure),),
            emotion=Emotion(label=mood, intensity=0.7),
        ),
        route=Route(action=action, reasons=tuple(Reason(code=code) for code in reasons)),
    )
