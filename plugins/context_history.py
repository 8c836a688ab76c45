"""The customer's earlier conversations, gathered before a message is understood."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from pydantic import BaseModel, ConfigDict, Field

from gateway import (
    Context,
    ContextSource,
    Fact,
    PastConversation,
    Records,
    Section,
    Settings,
    Turn,
    hookimpl,
)


class HistorySettings(BaseModel):
    """Section ``plugins.context_history``."""

    model_config = ConfigDict(extra="forbid")

    days: int = Field(365, ge=1, description="older conversations are left out")
    most: int = Field(20, ge=1, le=100, description="the most conversations to look at")


class HistorySource:
    """Finds the customer's earlier conversations, and facts about them in a line each."""

    name = "history"

    def __init__(self, settings: HistorySettings) -> None:
        self._settings = settings

    async def gather(self, turn: Turn, records: Records) -> Context:
        """Makes no query for a customer who is new, or in their first conversation."""
        if turn.customer.id == 0 or not turn.returning:
            return Context()
        found = await records.earlier(turn.customer.id, limit=self._settings.most)
        since = turn.at - timedelta(days=self._settings.days)
        earlier = [e for e in found if e.id != turn.conversation.id and e.opened_at >= since]
        earlier.sort(key=lambda conversation: conversation.opened_at, reverse=True)
        return Context(earlier=tuple(earlier), facts=tuple(_facts(earlier)))


def _facts(earlier: list[PastConversation]) -> list[Fact]:
    """What an agent should know of the conversations (newest first)."""
    if not earlier:
        return []
    last = earlier[0]
    about = f" about {last.intent.replace('_', ' ')}" if last.intent else ""
    facts = [
        Fact(name="earlier contacts", value=str(len(earlier))),
        Fact(name="last contact", value=f"{last.opened_at:%Y-%m-%d} on {last.channel}{about}"),
        Fact(name="last mood", value=last.mood),
    ]
    topics = [conversation.intent for conversation in earlier if conversation.intent]
    often = max(topics, key=topics.count, default=None)
    if often is not None and topics.count(often) > 1:
        topic = f"{often.replace('_', ' ')} ({topics.count(often)} times)"
        facts.append(Fact(name="wrote most about", value=topic))
    score = next((c.score for c in earlier if c.score is not None), None)
    if score is not None:
        facts.append(Fact(name="last score", value=f"{score} of 5"))
    if last.resolved_at is None:
        facts.append(Fact(name="still open", value=f"a conversation on {last.channel}"))
    return facts


@hookimpl
def register_settings(section: Section) -> None:
    section("plugins.context_history", HistorySettings, {})


@hookimpl
def register_context(register: Callable[[ContextSource], None], settings: Settings) -> None:
    if section := settings.section(HistorySettings):
        register(HistorySource(section))
