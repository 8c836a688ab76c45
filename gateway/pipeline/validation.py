"""Checks the values that plugins return: only valid ones get into a turn."""

from __future__ import annotations

from typing import TypeVar

import msgspec

from gateway.model import Insight, Value

V = TypeVar("V", bound=Value)


class InvalidValue(ValueError):
    """A plugin returned a value that cannot be used."""


def check_types(value: object, expected: type[V]) -> V:
    """Return ``value``. Raises InvalidValue when it is not of the ``expected`` class, or a field
    does not have its declared type: such a value could be stored, but never read again."""
    if not isinstance(value, expected):
        raise InvalidValue(f"expected {expected.__name__}, got {type(value).__name__}")
    try:
        msgspec.convert(msgspec.to_builtins(value), type(value))
    except (msgspec.ValidationError, TypeError) as error:
        raise InvalidValue(f"an invalid {type(value).__name__}: {error}") from None
    return value


def validated_insight(value: object, text: str) -> Insight:
    """``value`` as an insight into a message ``text``, with its ranking best first.

    Raises InvalidValue when it is not an Insight, a number is outside 0..1 (or NaN), or a cue is
    not within the message.
    """
    insight = check_types(value, Insight)
    for number in _shares(insight):
        if not 0.0 <= number <= 1.0:  # also false for NaN
            raise InvalidValue(f"{number} is not within 0..1")
    for cue in (*insight.signals, *(insight.emotion.cues if insight.emotion else ())):
        if not 0 <= cue.start <= cue.end <= len(text):
            raise InvalidValue(f"the cue {cue.kind} at {cue.start} is outside the message")
    if not insight.ranking:
        return insight
    ranking = sorted(insight.ranking, key=lambda guess: -guess.confidence)
    return insight.replace(ranking=tuple(ranking))


def _shares(insight: Insight) -> list[float]:
    """All numbers that must be within 0..1."""
    shares = [guess.confidence for guess in insight.ranking or ()]
    if insight.language:
        shares.append(insight.language.confidence)
    if insight.emotion:
        shares += [insight.emotion.intensity, insight.emotion.distress]
    return shares
