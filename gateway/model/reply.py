"""What a handler has to say, and how it looks on a channel."""

from __future__ import annotations

from typing import Literal

from gateway.model.base import Fact, Purpose, Severity, Value
from gateway.model.conversation import Timer
from gateway.model.messages import AppliedRule, Attachment, Button, SurveyQuestion
from gateway.model.understanding import Emotion, Reason


class Link(Value, frozen=True, kw_only=True):
    title: str
    url: str


class Reply(Value, frozen=True, kw_only=True):
    """What a handler has to say, by role; the brand voice chooses the words around it.

    ``body`` holds sentences or paragraphs with the facts in them, word for word; ``facts`` names
    those the voice must never touch. Besides words a reply may ask for effects, committed in the
    same transaction: ``timers`` to set, a ``survey`` to open, a hand-over (``escalate``).
    A reply without words is silent and still has its effects.
    """

    opener: str | None = None
    """None: the voice chooses one that fits the emotion. An empty string: none at all."""
    body: tuple[str, ...] = ()
    next_step: str | None = None
    links: tuple[Link, ...] = ()
    facts: tuple[Fact, ...] = ()
    buttons: tuple[Button, ...] = ()
    language: str = "en"
    purpose: Purpose = "answer"
    survey: SurveyQuestion | None = None
    timers: tuple[Timer, ...] = ()
    escalate: tuple[Reason, ...] = ()
    attachments: tuple[Attachment, ...] = ()


class RenderContext(Value, frozen=True, kw_only=True):
    """To whom, where and in what mood a reply is said."""

    channel: str
    emotion: Emotion = Emotion()
    author: Literal["bot", "agent"] = "bot"
    first: bool = False
    """The first words to this customer in this conversation: a greeting fits."""
    customer: str | None = None
    agent: str | None = None
    language: str | None = None
    """The language an agent writes in, where it is known; a Reply carries its own."""
    max_length: int | None = None
    """The channel's own limit of a part (see `Traits.max_length`). A guide's limit may be lower,
    and has no effect above it."""


class Finding(Value, frozen=True, kw_only=True):
    """Advice on ``text[start:end]``; ``suggestion`` would replace it, None when there is none."""

    rule: str
    severity: Severity
    start: int
    end: int
    message: str
    suggestion: str | None = None


class Rendered(Value, frozen=True, kw_only=True):
    """A reply as it will look on one channel, in the parts it is sent in."""

    parts: tuple[str, ...]
    encoding: Literal["GSM-7", "UCS-2"] | None = None
    segments: int | None = None
    applied: tuple[AppliedRule, ...] = ()
    advice: tuple[Finding, ...] = ()
