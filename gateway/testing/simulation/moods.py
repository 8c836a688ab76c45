"""Moods: what a customer feels, and what their words show of it.

A feeling is a number from -1 (furious) to 1 (delighted). The label depends on the temper of the
customer, too: the same displeasure makes one person anxious and another frustrated.
"""

from __future__ import annotations

from typing import Literal

from gateway.model import Emotion, MoodLabel, Value

Temper = Literal["frustrated", "anxious", "confused"]
PLEASED = 0.5
UNEASY = -0.25
UPSET = -0.4
FURIOUS = -0.75
UPSET_MOODS: frozenset[MoodLabel] = frozenset({"anxious", "frustrated", "angry", "urgent"})


class Mood(Value, frozen=True, kw_only=True):
    """A mood as words show it. ``intensity`` and ``distress`` as in `Emotion`."""

    label: MoodLabel
    intensity: float
    distress: float

    @property
    def upset(self) -> bool:
        return self.label in UPSET_MOODS

    def emotion(self) -> Emotion:
        return Emotion(label=self.label, intensity=self.intensity, distress=self.distress)


def mood_of(feeling: float, temper: Temper, *, hurry: bool = False) -> Mood:
    """The mood that words show for ``feeling``; ``hurry``: the customer is pressed for time."""
    distress = round(min(1.0, max(0.0, -feeling)), 2)
    strength = round(min(1.0, abs(feeling)), 2)
    if feeling >= PLEASED:
        return Mood(label="pleased", intensity=strength, distress=0.0)
    if feeling > UNEASY:
        return Mood(label="calm", intensity=0.3, distress=distress)
    if feeling > UPSET:
        return Mood(
            label="confused" if temper == "confused" else "calm", intensity=0.3, distress=distress
        )
    if hurry:
        return Mood(label="urgent", intensity=max(0.8, strength), distress=max(0.5, distress))
    if feeling > FURIOUS:
        label: MoodLabel = "anxious" if temper == "anxious" else "frustrated"
        return Mood(label=label, intensity=strength, distress=distress)
    return Mood(label="angry", intensity=strength, distress=distress)
