"""What reasons are made of: readings of a turn and its history, and words for an agent. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable

from gateway.model import Cue, Message, Turn
from gateway.services.policy import Policy

_WORD = re.compile(r"\w+")


def stretch(turn: Turn) -> tuple[Message, ...]:
    """The history since the bot last got the conversation (from the start, or from a person)."""
    history = turn.history
    for at in range(len(history) - 1, -1, -1):
        if history[at].author == "agent" or history[at].purpose == "handover":
            return history[at + 1 :]
    return history


def replies(messages: Iterable[Message]) -> int:
    """How often the bot spoke; a reply in several parts is one."""
    return len({m.turn or -m.id for m in messages if m.author == "bot"})


def sure_intent(turn: Turn, policy: Policy) -> str | None:
    """The intent, when it is more than a guess."""
    intent = turn.understanding.intent
    return intent.name if intent.confidence >= policy.reasons.low_confidence.below else None


def same_key(text: str) -> frozenset[str]:
    """Equal for messages with the same words, whatever their case, order and punctuation."""
    return frozenset(_WORD.findall(text.casefold()))


def said(turn: Turn, kind: str) -> str | None:
    signals = turn.understanding.signals
    cues = [cue for cue in signals if cue.kind == kind] if signals else []
    return quoted(cues) if cues else None


def quoted(cues: Iterable[Cue]) -> str:
    return ", ".join(dict.fromkeys(f"“{cue.text}”" for cue in cues))


def colon(cues: Iterable[Cue]) -> str:
    words = quoted(cues)
    return f": {words}" if words else ""


def named(intent: str) -> str:
    return intent.replace("_", " ").replace("/", " ").strip()


def times(count: int) -> str:
    return "twice" if count == 2 else f"{count} times"


def ordinal(number: int) -> str:
    names = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth")
    return names[number - 1] if number <= len(names) else f"{number}th"


def smoothed(turn: Turn, memory: float) -> tuple[float, ...]:
    """The running mean of the customer's distress after each of their messages, oldest first."""
    moods = [
        m.understanding.emotion.distress
        for m in turn.history
        if m.author == "customer" and m.understanding
    ]
    means: list[float] = []
    for distress in (*moods, turn.understanding.emotion.distress):
        means.append(memory * means[-1] + (1 - memory) * distress if means else distress)
    return tuple(means)
