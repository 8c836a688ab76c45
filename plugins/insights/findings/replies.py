"""What we said between two messages of a customer, and how their mood moved."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from gateway import CaseRecord, Message, MoodLabel, Understanding

BOT = "bot"
"""The one speaker that all of the bot's replies have."""

UPSET: frozenset[MoodLabel] = frozenset({"anxious", "urgent", "frustrated", "angry"})
UNHAPPY: frozenset[MoodLabel] = frozenset({"confused", "anxious", "urgent", "frustrated", "angry"})
SOME_DISTRESS, MUCH_DISTRESS = 0.1, 0.25
PLEASED, AT_EASE, UNEASY, UPSET_AFTER = range(4)
"""How a customer feels after a reply, best first."""

SURE = 0.55
"""From this confidence an intent counts as recognised, as in the built-in policy."""
OUT_OF_SCOPE = frozenset({"oos", "out_of_scope", "none"})
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
    distress_after: float
    answer: str
    """What the customer wrote next."""
    waited: float
    """Hours from the customer's message to the reply."""
    turn: int
    """How many messages the customer had written."""
    asks: bool
    """Whether the reply asks for something. Such a reply relieves nobody yet, so it is compared
    with others that ask."""
    names: tuple[str, ...]

    @property
    def outcome(self) -> int:
        """How the customer felt afterwards: `PLEASED` to `UPSET_AFTER`."""
        if self.after == "pleased":
            return PLEASED
        if self.after in UNHAPPY or self.distress_after >= MUCH_DISTRESS:
            return UPSET_AFTER
        return UNEASY if self.distress_after >= SOME_DISTRESS else AT_EASE


def is_said(message: Message) -> bool:
    """Whether a customer got this message from the bot or an agent, as an answer to theirs."""
    return (
        not message.internal
        and message.author in ("bot", "agent")
        and message.status not in _UNSENT
        and message.purpose in _SAID
    )


def is_confident(understanding: Understanding) -> bool:
    """Whether it says what the customer wants."""
    guess = understanding.intent
    return guess.confidence >= SURE and guess.name not in OUT_OF_SCOPE


def reply_steps(case: CaseRecord) -> Iterator[ReplyStep]:
    """The replies of ``case`` that the customer answered. One by several speakers is left out, as
    nobody can tell whose words did it, and so is what a survey's answer follows."""
    last: Message | None = None
    said: list[Message] = []
    turn = 0
    for message in case.messages:
        if message.internal:
            continue
        if message.author == "customer":
            if message.understanding is None:
                continue
            surveyed = any(ours.purpose == "survey" for ours in said)
            step = _step(case, last, said, message, turn) if last and not surveyed else None
            if step is not None:
                yield step
            last, said, turn = message, [], turn + 1
        elif message.author != "system" and last is not None:
            said.append(message)


def _step(
    case: CaseRecord, before: Message, said: list[Message], after: Message, turn: int
) -> ReplyStep | None:
    said = [message for message in said if is_said(message)]
    if not said or before.understanding is None or after.understanding is None:
        return None
    speakers = {message.agent.id if message.agent else BOT for message in said}
    if len(speakers) > 1:
        return None
    emotion, intent = before.understanding.emotion, before.understanding.intent
    conversation = case.conversation
    text = "\n".join(message.text for message in said)
    agents = [message.agent.name for message in said if message.agent]
    return ReplyStep(
        number=said[0].id,
        conversation=conversation.id,
        channel=conversation.address.channel_key,
        language=conversation.language or before.understanding.language.code,
        intent=intent.name if intent.confidence >= SURE else conversation.intent or "none",
        speaker=speakers.pop(),
        text=text,
        before=emotion.label,
        distress=emotion.distress,
        after=after.understanding.emotion.label,
        distress_after=after.understanding.emotion.distress,
        answer=after.text,
        waited=(said[0].at - before.at).total_seconds() / 3600,
        turn=turn,
        asks="?" in text or bool(after.understanding.slots),
        names=tuple(name for name in (case.customer_name, *agents) if name),
    )
