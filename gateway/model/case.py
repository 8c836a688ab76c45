"""All that is stored on one conversation, for measures, findings and reviews."""

from __future__ import annotations

from gateway.model.base import MoodLabel, Value
from gateway.model.conversation import Conversation, Survey
from gateway.model.desk import Handoff, Suggestion
from gateway.model.messages import Message


class CaseRecord(Value, frozen=True, kw_only=True):
    """One conversation with everything that happened in it.

    It holds what customers and agents wrote: mask it before you show it, and keep nothing of it
    without the conversation's id, by which it is exported and erased.
    """

    conversation: Conversation
    customer: int
    customer_name: str | None = None
    mood: MoodLabel = "calm"
    """How the customer felt at the end."""
    messages: tuple[Message, ...] = ()
    """Oldest first, with notes and system lines. Those that were never sent (discarded, failed)
    are among them: see `Message.status`."""
    handoffs: tuple[Handoff, ...] = ()
    suggestions: tuple[Suggestion, ...] = ()
    surveys: tuple[Survey, ...] = ()


class ChangedCases(Value, frozen=True, kw_only=True):
    """The conversations with new messages. ``message`` is the newest message that was looked at:
    the next look begins there."""

    conversations: tuple[int, ...]
    message: int
