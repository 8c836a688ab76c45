"""What we said between two messages of a customer, and how their mood moved."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from gateway import CaseRecord, Message, MoodLabel

BOT = "bot"
"""The one speaker that all of the bot's replies have."""

VALENCE: Mapping[MoodLabel, int] = {
    "pleased": 1,
    "calm": 0,
    "confused": -1,
    "anxious": -2,
    "urgent": -2,
    "frustrated": -3,
    "angry": -4,
}
"""The moods in order: a mood falls when its number does."""

_UNSENT = frozenset({"failed", "discarded"})
_SAID = frozenset({"message", "answer"})
"""Purposes of messages that somebody or an answer file worded for this question: hand-overs,
notices and surveys follow from what happened, and are not its cause."""


class ReplyStep(NamedTuple):
    """One reply of ours: all that was said between two messages of the customer."""

    number: int
    """The id of its first message."""
    conversation: int
    channel: str
    language: str
    intent: str
    speaker: str
    """The bot or an agent's id."""
    text: str
    before: MoodLabel
    distress: float
    """0..1, before the reply."""
    after: MoodLabel
    answer: str
    """What the customer wrote next."""
    names: tuple[str, ...]

    @property
    def move(self) -> int:
        """1: the mood rose, -1: it fell, 0: it stayed."""
        change = VALENCE[self.after] - VALENCE[self.before]
        return (change > 0) - (change < 0)


def is_said(message: Message) -> bool:
    """Whether a customer got this message from the bot or an agent, as an answer to theirs."""
    return (
        not message.internal
        and message.author in ("bot", "agent")
        and message.status not in _UNSENT
        and message.purpose in _SAID
    )


def reply_steps(case: CaseRecord) -> Iterator[ReplyStep]:
    """The replies of ``case`` that the customer answered. One by several speakers is left out:
    nobody can tell whose words did it."""
    last: Message | None = None
    said: list[Message] = []
    for message in case.messages:
        if message.internal:
            continue
        if message.author == "customer":
            if message.understanding is None:
                continue
            if last is not None and said and (step := _step(case, last, said, message)):
                yield step
            last, said = message, []
        elif message.author != "system" and last is not None:
            said.append(message)


def _step(
    case: CaseRecord, before: Message, said: list[Message], after: Message
) -> ReplyStep | None:
    said = [message for message in said if is_said(message)]
    if not said or before.understanding is None or after.understanding is None:
        return None
    speakers = {message.agent.id if message.agent else BOT for message in said}
    if len(speakers) > 1:
        return None
    emotion, intent = before.understanding.emotion, before.understanding.intent
    conversation = case.conversation
    agents = [message.agent.name for message in said if message.agent]
    return ReplyStep(
        number=said[0].id,
        conversation=conversation.id,
        channel=conversation.address.channel_key,
        language=conversation.language or before.understanding.language.code,
        intent=intent.name if intent.confidence >= 0.5 else conversation.intent or "none",
        speaker=speakers.pop(),
        text="\n".join(message.text for message in said),
        before=emotion.label,
        distress=emotion.distress,
        after=after.understanding.emotion.label,
        answer=after.text,
        names=tuple(name for name in (case.customer_name, *agents) if name),
    )
