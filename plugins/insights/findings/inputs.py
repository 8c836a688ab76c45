"""What the findings need beside the conversations."""

from __future__ import annotations

from collections.abc import Sequence

from gateway import MoodLabel, TextEncoder, Value, Voice


class LabelledText(Value, frozen=True, kw_only=True):
    """One example of the shop's training data."""

    text: str
    intent: str


class ShopAnswer(Value, frozen=True, kw_only=True):
    """One answer in force, in one language."""

    intent: str
    language: str
    text: str


class MoodCheck(Value, frozen=True, kw_only=True):
    """A person's judgement of how a mood was read: by review, or an agent's correction."""

    conversation: int
    language: str
    read: MoodLabel
    right: MoodLabel


class FindingInputs(Value, frozen=True, kw_only=True):
    """What the shop knows already, and what other parts measured.

    Each may be missing: ``encoder`` (then nothing is clustered), ``examples`` (then the intents
    that were recognised stand for them), ``voice`` (then no rule of the guide is looked at).
    """

    encoder: TextEncoder | None = None
    voice: Voice | None = None
    examples: Sequence[LabelledText] = ()
    """All examples of the shop's intents, those out of scope as ``oos``."""
    answers: Sequence[ShopAnswer] = ()
    """All answers in force. Their words are no names, and their intents are taken."""
    moods: Sequence[MoodCheck] = ()
    """Judgements by people, of whatever time."""
