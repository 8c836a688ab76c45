"""Whether what an engine tells makes sense: nothing else gets into a turn."""

from __future__ import annotations

import msgspec

from gateway.model import Cue, Insight, Value


class InvalidInsight(ValueError):
    """A guest told what cannot be."""


def is_valid_text(told: Value) -> None:
    """Raises Nonsense when a field holds something else than its type says: a value that could
    be stored, and never be read again."""
    try:
        msgspec.convert(msgspec.to_builtins(told), type(told))
    except (msgspec.ValidationError, TypeError) as error:
        raise InvalidInsight(f"told a {type(told).__name__} that is none: {error}") from None


def validated_insight(told: object, text: str) -> Insight:
    """``told`` of a message ``text``, with its ranking best first. Raises Nonsense when it is no
    Insight, a figure is outside 0..1 (or not a number), or a cue is not in the message."""
    if not isinstance(told, Insight):
        raise InvalidInsight(f"told {type(told).__name__}, not an Insight")
    is_valid_text(told)
    for figure in _figures(told):
        if not 0.0 <= figure <= 1.0:  # false for what is not a number, too
            raise InvalidInsight(f"told the figure {figure}, which is not within 0..1")
    for cue in (*told.signals, *(told.emotion.cues if told.emotion else ())):
        _stands(cue, text)
    if not told.ranking:
        return told
    return told.replace(ranking=tuple(sorted(told.ranking, key=lambda one: -one.confidence)))


def _figures(told: Insight) -> list[float]:
    found = [guess.confidence for guess in told.ranking or ()]
    if told.language:
        found.append(told.language.confidence)
    if told.emotion:
        found += [told.emotion.intensity, told.emotion.distress]
    return found


def _stands(cue: Cue, text: str) -> None:
    if not 0 <= cue.start <= cue.end <= len(text):
        raise InvalidInsight(f"told a cue {cue.kind} at {cue.start}, outside the message")
