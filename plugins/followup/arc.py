"""In which tone to ask: by how the customer felt over the conversation. Pure."""

from __future__ import annotations

from gateway import Emotion, Message
from plugins.followup.words import Tone

UPSET = frozenset({"anxious", "frustrated", "angry", "urgent"})
STRONG = 0.6
"""Distress from which a customer counts as upset, whatever the label."""


def tone(history: tuple[Message, ...]) -> Tone:
    """``warm`` after a conversation without anger or fear, ``mended`` when these had gone at its
    end, ``careful`` when they had not."""
    moods = [m.understanding.emotion for m in history if m.author == "customer" and m.understanding]
    if not any(map(_upset, moods)):
        return "warm"
    return "careful" if _upset(moods[-1]) else "mended"


def _upset(emotion: Emotion) -> bool:
    if emotion.label == "pleased":
        return False
    return emotion.label in UPSET or emotion.distress >= STRONG
