"""What our own records tell of a customer before their message is read."""

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
    most: int = Field(20, ge=1, le=100, description="conversations that are looked at")


class History:
    """The customer's earlier conversations, and what they say in a line each."""

    name = "history"

    def __init__(self, settings: HistorySettings) -> None:
        self._settings = settings

    async def gather(self, turn: Turn, records: Records) -> Context:
        """Asks nothing of the records for a customer who is new, or in their first conversation."""
        if turn.customer.id == 0 or not turn.returning:
            return Context()
        found = await records.earlier(turn.customer.id, limit=self._settings.most)
        since = turn.at - timedelta(days=self._settings.days)
        earlier = tuple(
            sorted(
                (e for e in found if e.id != turn.conversation.id and e.opened_at >= since),
                key=lambda one: one.opened_at,
                reverse=True,
            )
        )
        return Context(earlier=earlier, facts=facts_of(earlier))


def facts_of(earlier: tuple[PastConversation, ...]) -> tuple[Fact, ...]:
    """What the conversations (newest first) say, for an agent to read."""
    if not earlier:
        return ()
    last = earlier[0]
    facts = [
        Fact(name="earlier contacts", value=str(len(earlier))),
        Fact(name="last contact", value=_last(last)),
        Fact(name="last mood", value=last.mood),
    ]
    topics = [one.intent for one in earlier if one.intent]
    often = max(topics, key=topics.count, default=None)
    if often is not None and topics.count(often) > 1:
        about = f"{often.replace('_', ' ')} ({topics.count(often)} times)"
        facts.append(Fact(name="wrote most about", value=about))
    score = next((one.score for one in earlier if one.score is not None), None)
    if score is not None:
        facts.append(Fact(name="last score", value=f"{score} of 5"))
    if last.resolved_at is None:
        facts.append(Fact(name="still open", value=f"a conversation on {last.channel}"))
    return tuple(facts)


def _last(one: PastConversation) -> str:
    about = f" about {one.intent.replace('_', ' ')}" if one.intent else ""
    return f"{one.opened_at:%Y-%m-%d} on {one.channel}{about}"


@hookimpl
def register_settings(section: Section) -> None:
    section("plugins.context_history", HistorySettings, {})


@hookimpl
def register_context(register: Callable[[ContextSource], None], settings: Settings) -> None:
    if mine := settings.section(HistorySettings):
        register(History(mine))
