"""What is stored of a review: the item that was drawn, and each reviewer's judgement of it.

Neither holds what was written. An item names the messages, which are read when it is shown; what a
reviewer writes is stored with the conversation's id, so that it is exported and erased with it.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Literal

from gateway import MoodLabel, Value

ReviewKind = Literal["bot", "suggestion"]
"""Who gave the answer: the bot, or an agent who sent a suggestion, as it was or edited."""
PartJudgement = Literal["right", "wrong", "missing"]
"""``right``: there and right, or not needed."""
ExampleTag = Literal["", "good", "bad"]


class ReviewItem(Value, frozen=True, kw_only=True):
    """One answer that was drawn for review.

    ``day`` is when the answer was given; ``asked`` and ``message`` are the ids of the customer's
    message and of the (first) answer. ``probability``, above 0 and at most 1, is how likely this
    answer was to be drawn: its weight in a figure is one over that. ``why`` are the codes of what
    made it more likely.
    """

    day: date
    conversation: int
    message: int
    asked: int
    kind: ReviewKind
    agent: str = ""
    """The id of the agent who sent it, who does not review it."""
    brand: str = ""
    channel: str
    language: str
    intent: str
    mood: MoodLabel = "calm"
    probability: float
    why: tuple[str, ...] = ()
    reviewers: int = 1
    """How many people judge it, without seeing each other's judgement: 1 or 2."""

    @property
    def id(self) -> str:
        """``2026-03-02/17-45``: day, conversation and message."""
        return f"{self.day.isoformat()}/{self.conversation}-{self.message}"

    @property
    def weight(self) -> float:
        """How many answers it stands for."""
        return 1 / self.probability


class Judgement(Value, frozen=True, kw_only=True):
    """What one reviewer said of one item. ``intent`` and ``mood`` are the right ones: those of the
    item when they were read right."""

    item: str
    reviewer: str
    at: datetime
    skipped: bool = False
    """The reviewer passed it on; everything else then has no meaning."""
    intent: str = ""
    mood: MoodLabel = "calm"
    facts: bool = True
    tone: bool = True
    opener: PartJudgement = "right"
    explanation: PartJudgement = "right"
    next_step: PartJudgement = "right"
    better: str = ""
    """A better answer, in the language of the conversation."""
    tag: ExampleTag = ""
    comment: str = ""


class ReviewedExample(Value, frozen=True, kw_only=True):
    """A customer's message whose intent was read wrong: a candidate for a training row.

    ``text`` is as the customer wrote it: mask it, and keep it with the conversation's id. Of the
    people who reviewed it, ``agreed`` say ``intent`` and ``others`` say something else.
    """

    item: str
    conversation: int
    message: int
    text: str
    language: str
    brand: str = ""
    read_as: str
    intent: str
    agreed: int = 1
    others: int = 0


class ReviewedAnswer(Value, frozen=True, kw_only=True):
    """A better answer that a reviewer wrote: a candidate for a changed answer.

    ``intent`` is the right one. ``asked``, ``answered`` and ``better`` are as they were written:
    mask them, and keep them with the conversation's id.
    """

    item: str
    conversation: int
    message: int
    kind: ReviewKind
    intent: str
    language: str
    channel: str
    brand: str = ""
    asked: str
    answered: str
    better: str
    reviewer: str
    facts_right: bool
    tone_right: bool


class ReviewedMood(Value, frozen=True, kw_only=True):
    """How a mood was read, and how a reviewer reads it."""

    conversation: int
    language: str
    read: MoodLabel
    right: MoodLabel


class ReviewOutcomes(Value, frozen=True, kw_only=True):
    """What reviews found out. Nothing of it takes effect before a person adopts a proposal."""

    examples: tuple[ReviewedExample, ...] = ()
    answers: tuple[ReviewedAnswer, ...] = ()
    moods: tuple[ReviewedMood, ...] = ()


class DayDraw(Value, frozen=True, kw_only=True):
    """The draw of one day is complete: ``drawn`` of ``answers``. ``message``: no message up to
    this id was sent after that day."""

    day: date
    answers: int
    drawn: int
    message: int


class KnownCodes(Value, frozen=True, kw_only=True):
    """``seen``: the first and the last day of each trait (see `ReviewCandidate.traits`).
    ``intents``: all intents that engines named, so that reviewers can choose one."""

    seen: Mapping[str, tuple[date, date]] = {}
    intents: tuple[str, ...] = ()


class VoiceSample(Value, frozen=True, kw_only=True):
    """An answer on one channel, to be compared with answers to the same kind of case on others.
    ``lot`` decides by chance which answer of the month it is."""

    month: str
    brand: str
    language: str
    intent: str
    channel: str
    conversation: int
    message: int
    asked: int
    kind: ReviewKind
    lot: str

    @property
    def id(self) -> str:
        """The month and the kind of case: ``2026-03/-.en.refund``."""
        return f"{self.month}/{self.brand or '-'}.{self.language}.{self.intent}"


class VoiceVerdict(Value, frozen=True, kw_only=True):
    """Whether the samples of one kind of case have one voice. ``conversation`` is that of the
    answer that differs most, on ``channel``; the comment is about it. 0: they are of one voice."""

    sample: str
    reviewer: str
    at: datetime
    one_voice: bool
    channel: str = ""
    conversation: int = 0
    comment: str = ""
