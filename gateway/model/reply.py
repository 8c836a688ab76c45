"""Replies, and how they are rendered for a channel."""

from __future__ import annotations

from typing import Literal

from gateway.model.base import Fact, Purpose, Severity, Value
from gateway.model.conversation import Timer
from gateway.model.messages import AppliedRule, Attachment, Button, SurveyQuestion
from gateway.model.understanding import Emotion, Reason


class Link(Value, frozen=True, kw_only=True):
    """A link in a reply."""

    title: str
    url: str


class Reply(Value, frozen=True, kw_only=True):
    """A handler's answer, part by part. The brand voice chooses the words around it.

    ``body`` holds sentences or paragraphs that contain the facts word for word; ``facts`` lists
    those that the voice must never change. A fact that no text of the reply contains is not sent:
    it is stored with the message, and agents see it. A reply may also ask for side effects, which
    are committed in the same transaction: ``timers`` to set, a ``survey`` to send, reasons for a
    handoff (``escalate``). A reply without any text sends nothing and still has its side effects.
    But one that hands a message over is announced in the words that the other handlers have for a
    hand-over, unless its ``purpose`` is ``notice``.
    """

    opener: str | None = None
    """None: the voice chooses one that fits the emotion. An empty string: no opener."""
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
    only_if_unanswered: bool = False
    """The answer (purpose ``answer``) of a later handler goes before this one, as that of a source
    before a general one."""
    sources: tuple[int, ...] = ()
    """The ids of the `Passage` values that the answer rests on. They are recorded with the turn in
    the same commit; if one of them is not current any more then, the turn runs again."""
    general: bool = False
    """It says what holds for every customer, as a written answer or a page does. So a time in it
    (`we refund within 14 days`) is no promise about this customer's case, of which a person would
    be reminded."""


class RenderContext(Value, frozen=True, kw_only=True):
    """What the brand voice must know to render a reply: the channel, the customer's emotion, and
    who writes."""

    channel: str
    brand: str = ""
    """The brand of the conversation, whose guide applies; empty without brands."""
    emotion: Emotion = Emotion()
    author: Literal["bot", "agent"] = "bot"
    first: bool = False
    """The first reply of this conversation: a greeting fits."""
    reasons: tuple[str, ...] = ()
    """The codes of the reasons for a hand-over, the deciding one first. The guide has none of its
    cheerful words around a hand-over about harm or legal steps."""
    customer: str | None = None
    agent: str | None = None
    language: str | None = None
    """The language an agent writes in, if known. A `Reply` has its own."""
    max_length: int | None = None
    """The channel's limit for one part (see `Traits.max_length`). The guide may set a lower one,
    not a higher one."""


class Finding(Value, frozen=True, kw_only=True):
    """The brand voice's advice on ``text[start:end]``. ``suggestion`` is a replacement, or
    None."""

    rule: str
    severity: Severity
    start: int
    end: int
    message: str
    suggestion: str | None = None


class Rendered(Value, frozen=True, kw_only=True):
    """A reply as it looks on one channel, split into the parts that are sent."""

    parts: tuple[str, ...]
    encoding: Literal["GSM-7", "UCS-2"] | None = None
    segments: int | None = None
    applied: tuple[AppliedRule, ...] = ()
    advice: tuple[Finding, ...] = ()
