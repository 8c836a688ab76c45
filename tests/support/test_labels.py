"""Labels: what agents read for codes, the same everywhere."""

from __future__ import annotations

import pytest

from gateway import Emotion, cue_label, mood_label, priority_label
from gateway.support.labels import CUES
from plugins.nlu_local.mood.cues import SIGNAL_KINDS, STYLE_STRENGTHS


@pytest.mark.parametrize("kind", sorted({*SIGNAL_KINDS, *STYLE_STRENGTHS}))
def test_every_cue_of_the_built_in_engine_has_a_label(kind: str) -> None:
    """Agents never read a bare code for a cue that we find ourselves."""
    assert kind in CUES


def test_a_cue_of_a_plugin_becomes_words() -> None:
    """An unknown kind is still readable."""
    assert cue_label("odd_thing") == "odd thing"


@pytest.mark.parametrize(("intensity", "text"), [
    (0.2, "slightly angry"), (0.5, "angry"), (0.7, "very angry"),
])  # fmt: skip
def test_a_mood_says_how_strong_it_is(intensity: float, text: str) -> None:
    """Three steps; a calm customer is only calm."""
    assert mood_label(Emotion(label="angry", intensity=intensity)) == text
    assert mood_label(Emotion(intensity=intensity)) == "calm"


def test_a_priority_is_a_word() -> None:
    """Values beyond the scale count as its ends."""
    assert [priority_label(value) for value in (-1, 0, 1, 2, 3, 9)] == [
        "normal", "normal", "soon", "high", "at once", "at once",
    ]  # fmt: skip
