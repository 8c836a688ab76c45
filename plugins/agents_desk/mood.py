"""The mood of a conversation: its arc as points to draw, and cue words as spans to mark."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from gateway import Cue, Emotion, Message, Value
from plugins.agents_desk import words

WIDTH, HEIGHT, EDGE = 288.0, 64.0, 9.0
NEWEST = 24
"""So many messages fit beside one another."""
NOTICED = 0.2
"""A change of distress by this much is worth a word."""


SHAPES = {
    "calm": "M2.5 6h7",
    "pleased": "M2.5 5c1 3 6 3 7 0",
    "confused": "M2 7c1.3-3 2.7-3 4-1s2.7 2 4-1",
    "anxious": "M1.5 6l1.5-2 2 4 2-4 2 4 1.5-2",
    "frustrated": "M2.5 8c1-3 6-3 7 0",
    "angry": "M2.5 3l7 6.5M9.5 3l-7 6.5",
    "urgent": "M6 1.5v5.5M6 10v.2",
}
"""A drawing for each label, in a box of 12 by 12: moods differ in shape and word, not in colour."""


class Piece(Value, frozen=True, kw_only=True):
    """A stretch of a message; ``kinds`` are in words, empty where nothing was shown."""

    text: str
    kinds: tuple[str, ...] = ()


class Point(Value, frozen=True, kw_only=True):
    """One customer message on the arc; ``x`` and ``y`` are in the drawing's own units."""

    x: float
    y: float
    message: Message
    emotion: Emotion
    cues: tuple[Cue, ...]


class Arc(Value, frozen=True, kw_only=True):
    """The arc, oldest first. ``line`` is the ``points`` of an SVG polyline."""

    points: tuple[Point, ...]
    line: str
    words: str


def shape(label: str) -> str:
    return SHAPES.get(label, SHAPES["calm"])


def cues(message: Message) -> tuple[Cue, ...]:
    """Cues and signals whose span is really in the text, by where they start.

    Of a calm customer only the signals: single marks that moved nothing would be noise.
    """
    known = message.understanding
    if known is None:
        return ()
    felt = () if known.emotion.label == "calm" else known.emotion.cues
    found = {
        (cue.start, cue.end, cue.kind): cue
        for cue in (*felt, *known.signals)
        if 0 <= cue.start < cue.end and message.text[cue.start : cue.end] == cue.text
    }
    return tuple(found[key] for key in sorted(found))


def pieces(message: Message) -> tuple[Piece, ...]:
    """The whole text in order, cut where cues begin and end; overlapping ones share a piece."""
    found, text = cues(message), message.text
    cuts = sorted({0, len(text), *(c.start for c in found), *(c.end for c in found)})
    return tuple(
        Piece(
            text=text[start:end],
            kinds=tuple(
                dict.fromkeys(words.cue(c.kind) for c in found if c.start <= start and end <= c.end)
            ),
        )
        for start, end in pairwise(cuts)
    )


def arc(messages: Sequence[Message]) -> Arc | None:
    """The mood over the customer's messages; None before there is one that was understood."""
    told = [m for m in messages if m.author == "customer" and m.understanding][-NEWEST:]
    if not told:
        return None
    step = (WIDTH - 2 * EDGE) / max(1, len(told) - 1)
    points = tuple(_point(EDGE + step * index, m) for index, m in enumerate(told))
    return Arc(
        points=points,
        line=" ".join(f"{point.x:.1f},{point.y:.1f}" for point in points),
        words=_in_words(points),
    )


def _point(x: float, message: Message) -> Point:
    emotion = message.understanding.emotion if message.understanding else Emotion()
    height = max(0.0, min(emotion.distress, 1.0)) * (HEIGHT - 2 * EDGE)
    return Point(
        x=x, y=HEIGHT - EDGE - height, message=message, emotion=emotion, cues=cues(message)
    )


def _in_words(points: Sequence[Point]) -> str:
    first, last = points[0].emotion, points[-1].emotion
    worst = max((point.emotion for point in points), key=lambda emotion: emotion.distress)
    if len(points) == 1:
        return f"{words.mood(first).capitalize()}, in one message"
    if worst.distress > max(first.distress, last.distress) + NOTICED:
        return f"{words.mood(worst).capitalize()} in between, {words.mood(last)} now"
    if words.mood(first) == words.mood(last):
        return f"{words.mood(last).capitalize()} from first to last"
    change = last.distress - first.distress
    turn = ", rising" if change > NOTICED else ", easing" if change < -NOTICED else ""
    return f"From {words.mood(first)} to {words.mood(last)}{turn}"
