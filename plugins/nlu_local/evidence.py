"""What speaks for each feeling in one message, and what follows from all of it together. Pure.

The strengths here were set by hand on messages of our own. What counts how much for ``distress``
was learnt (see `tone`).
"""

from __future__ import annotations

from collections.abc import Mapping
from math import exp, prod

from gateway import Cue, Emotion, MoodLabel

LABELS: tuple[MoodLabel, ...] = ("angry", "frustrated", "anxious", "urgent", "confused", "pleased")
"""In the order in which they win when the evidence is the same."""

STRENGTH = {1: 0.2, 2: 0.5, 3: 0.75}
FELT = 0.25
"""Evidence below this is no feeling."""

EVENTS = ("trouble", "complaint")
"""What went wrong, and how it is complained of: no feelings, but they speak for a person."""

TOLD = 0.6
"""Distress of a calm message from which on they are shown."""


class Evidence:
    """What speaks for each feeling: strengths 0..1, joined as chances of independent signs."""

    def __init__(self) -> None:
        self.strengths: dict[str, list[float]] = {}
        self.cues: list[Cue] = []
        self.tone = 0.0
        """What the words sound like (`tone.Tone.of`); 0 where nothing can be told."""
        self.force = self.against = self.favour = 0.0
        self.asking = self.loud = False

    def add(self, kind: str, weight: int, shown: Cue) -> None:
        """Count a cue, unless another language has shown the same."""
        if shown not in self.cues:
            self.cues.append(shown)
            self.strengths.setdefault(kind, []).append(STRENGTH[weight])

    def of(self, kind: str, *more: float) -> float:
        if kind not in self.strengths and not any(more):
            return 0.0
        return 1.0 - float(prod(1.0 - s for s in (*self.strengths.get(kind, ()), *more)))

    def signs(self) -> dict[str, float]:
        """What `tone.Tone.join` weighs, by name."""
        kinds = ("angry", "frustrated", "anxious", "pleased", "trouble", "complaint")
        return {
            **{kind: self.of(kind) for kind in kinds},
            "against": self.against,
            "favour": self.favour,
            "tone": self.tone,
        }


def conclude(seen: Evidence, join: Mapping[str, float]) -> Emotion:
    """Weigh the evidence; ``join`` is what each sign counts for distress."""
    found: dict[str, float] = {label: seen.of(label) for label in LABELS}
    found["frustrated"] = seen.of("frustrated", 0.42 * seen.against)
    # VADER finds every polite wish pleasant: without words of praise it has to be sure.
    praise = 0.45 * seen.favour if "pleased" in seen.strengths else 0.75 * seen.favour - 0.375
    found["pleased"] = seen.of("pleased", max(0.0, praise))
    if seen.asking:
        found["pleased"] *= 0.4  # thanks beside a question are manners
    against = max(found["angry"], found["frustrated"], found["anxious"])
    found["pleased"] *= 1 - against
    if seen.loud and max(found.values()) < FELT:
        found["frustrated"] = max(found["frustrated"], 0.8 * seen.force)
    label = max(LABELS, key=lambda one: found[one])
    strength = found[label]
    distress = _distress(seen, found, join)
    cues = tuple(sorted(seen.cues, key=lambda c: (c.start, c.end)))
    shown = tuple(c for c in cues if c.kind not in EVENTS)
    if strength < FELT:
        # Calm, and bad news all the same: then these are what speaks for a person.
        return Emotion(distress=distress, cues=cues if distress >= TOLD else shown)
    intensity = min(1.0, strength + (1 - strength) * 0.6 * seen.force)
    return Emotion(label=label, intensity=round(intensity, 3), distress=distress, cues=shown)


def _distress(seen: Evidence, found: Mapping[str, float], join: Mapping[str, float]) -> float:
    """How much this calls for a person, 0..1.

    The learnt weights know how people wrote who had no company to complain to: marks and
    capitals, and words of anger in the languages that no lexicon helps with, speak as well.
    """
    x = join["offset"] + sum(join[name] * value for name, value in seen.signs().items())
    upset = max(found["angry"], found["frustrated"], found["anxious"])
    # Shouting makes what is felt stronger and is no feeling by itself.
    x += 1.5 * seen.force * upset
    return round(max(1 / (1 + exp(-x)), 0.8 * upset**2), 4)
