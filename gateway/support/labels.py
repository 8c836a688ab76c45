"""What agents read for codes and counts of the gateway, the same at the desk and in Slack; and how
many words a text has."""

from __future__ import annotations

import re
from collections.abc import Mapping

from gateway.model import Emotion

CUES: Mapping[str, str] = {
    "asked_for_person": "asks for a person",
    "elongation": "stretched letters",
    "exclaiming": "exclamation marks",
    "harm": "harm",
    "legal": "legal words",
    "low_score": "words beside a bad score",
    "not_helped": "the last answer did not help",
    "questioning": "repeated question marks",
    "repetition": "repeated",
    "shouting": "in capitals",
}
PRIORITIES = ("normal", "soon", "high", "at once")


_UNSPACED = re.compile("[\u0e00-\u0eff\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff]")


def code_label(code: str) -> str:
    """A code as words: ``billing_dispute`` is ``billing dispute``."""
    return code.replace("_", " ").replace(".", " ").strip() or "unknown"


def count_words(text: str) -> int:
    """The words of ``text``; where words are not separated, a word has two characters."""
    return len(_UNSPACED.sub(" ", text).split()) + (len(_UNSPACED.findall(text)) + 1) // 2


def counted(number: int, one: str, many: str = "") -> str:
    """A count with its noun: ``1 message``, ``1,204 messages``. ``many`` is the plural where it
    does not merely add an s; both may go on with a verb."""
    return f"{number:,} {one if number == 1 else many or f'{one}s'}"


def cue_label(kind: str) -> str:
    """What a cue of this kind shows; a plugin's own kind becomes words."""
    return CUES.get(kind) or code_label(kind)


def priority_label(priority: int) -> str:
    """The priority of a route, 0..3, as a word."""
    return PRIORITIES[max(0, min(priority, 3))]


def mood_label(emotion: Emotion) -> str:
    """The emotion and its strength: ``slightly anxious``, ``very angry``."""
    if emotion.label == "calm":
        return "calm"
    if emotion.intensity >= 0.7:
        return f"very {emotion.label}"
    return f"slightly {emotion.label}" if emotion.intensity < 0.35 else emotion.label
