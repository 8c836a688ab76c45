"""Emotional load: how much upset work a person carries, and how it fades.

Work with upset customers wears people out (Deery, Iverson and Walsh 2002), a day of it is still
felt the next morning (Zhan 2011; Wang and others 2013), and breaks restore (Trougakos and others
2008). The load has two parts: what a break takes away, and what stays on one's mind over night.
docs/measures.md has the formula and the sources; they give no numbers, the numbers are ours. Pure,
and from events alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import NamedTuple

from gateway.model import Message, MoodLabel

MOOD_SCALE: dict[MoodLabel, int] = {
    "pleased": 1,
    "calm": 0,
    "confused": -1,
    "urgent": -1,
    "anxious": -2,
    "frustrated": -2,
    "angry": -3,
}
"""How good a mood is, as a whole number: the order of the valence of these words (Russell 1980),
one step for each. The distances are ours, so a change is read by its sign first."""
UPSET_AT = -2
"""From this mood downwards a customer is upset: anxious, frustrated, angry. Who is only in a hurry
is not, as in the gateway's own reading of moods."""
ANGRY_AT = -3
ANGRY_WEIGHT = 1.5
LASTING = 0.3
"""The part of the load that stays over night; a break takes away the rest."""
BREAK = 15 * 60.0
"""Seconds without work from which it is a break."""
BREAK_HALVES = 3_600.0
"""Seconds of breaks that halve what a break takes away."""
NIGHT_HALVES = 86_400.0
"""Seconds that halve what stays, at work or not."""
LOAD_LIMIT = 90.0
"""A load above this is too much for a day: ours, see docs/measures.md."""
LONGEST_STEP = 300.0
"""Seconds that one step of an agent's work (reading, answering, closing) counts at most: whoever
takes longer has several conversations, or a break."""


class WorkStep(NamedTuple):
    """One step of an agent's work: it ended ``at`` (seconds since 1970) and took ``seconds``, with
    a customer whose mood was ``mood`` on `MOOD_SCALE`."""

    at: float
    seconds: float
    mood: int


def upset_minutes(step: WorkStep) -> float:
    """The minutes that a step weighs: none unless the customer was upset."""
    if step.mood > UPSET_AT:
        return 0.0
    return step.seconds / 60 * (ANGRY_WEIGHT if step.mood <= ANGRY_AT else 1.0)


class LoadLedger:
    """The load of one person as time goes on, in weighted upset minutes.

    Give it the steps of their work in the order of time. ``fleeting`` and ``lasting`` are the two
    parts; ``unbroken`` are the upset minutes since the last break.
    """

    def __init__(
        self,
        *,
        fleeting: float = 0.0,
        lasting: float = 0.0,
        unbroken: float = 0.0,
        now: float | None = None,
    ) -> None:
        self.fleeting, self.lasting, self.unbroken = fleeting, lasting, unbroken
        self._now = now

    @property
    def load(self) -> float:
        return self.fleeting + self.lasting

    def load_at(self, at: float) -> float:
        """What the load is ``at`` that moment if nothing is done until then. Changes nothing: many
        short pauses in `rest_until` would be no break."""
        then = LoadLedger(fleeting=self.fleeting, lasting=self.lasting, now=self._now)
        then.rest_until(at)
        return then.load

    def rest_until(self, at: float) -> None:
        """Time passes without work, until ``at`` (seconds since 1970)."""
        if self._now is not None and at > self._now:
            pause = at - self._now
            self.lasting *= 0.5 ** (pause / NIGHT_HALVES)
            if pause >= BREAK:
                self.fleeting *= 0.5 ** (pause / BREAK_HALVES)
                self.unbroken = 0.0
        self._now = max(at, self._now or at)

    def work(self, step: WorkStep) -> None:
        self.rest_until(step.at - step.seconds)
        minutes = upset_minutes(step)
        self.fleeting += (1 - LASTING) * minutes
        self.lasting = self.lasting * 0.5 ** (step.seconds / NIGHT_HALVES) + LASTING * minutes
        self.unbroken += minutes
        self._now = max(step.at, self._now or step.at)


def work_steps(
    begin: datetime, end: datetime | None, own: Sequence[Message], heard: Sequence[Message]
) -> Iterator[WorkStep]:
    """The steps of an agent's work on a conversation that they had from ``begin`` to ``end`` (None:
    they have it still). Each step ends with something that they wrote (``own``), or with the end,
    and begins with what came before it; ``heard`` are the customer's messages."""
    events: list[tuple[datetime, bool, int]] = [(begin, False, 0)]
    events += [(m.at, True, 0) for m in own]
    for message in heard:
        read = message.understanding
        events.append((message.at, False, MOOD_SCALE[read.emotion.label] if read else 0))
    if end is not None:
        events.append((end, True, 0))
    events.sort(key=lambda event: event[0])
    mood, last = 0, begin
    for at, is_own, heard_mood in events:
        if is_own:
            seconds = min(LONGEST_STEP, max(0.0, (at - last).total_seconds()))
            yield WorkStep(at=at.timestamp(), seconds=round(seconds, 1), mood=mood)
        elif at != begin:
            mood = heard_mood
        last = max(begin, at)
