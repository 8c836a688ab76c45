"""Facts about a customer from earlier conversations."""

from __future__ import annotations

from gateway import Context, Customer, PastConversation
from plugins.context_history import HistorySettings, HistorySource
from tests.routing.builders import earlier, turn


class FakeRecords:
    """The records of one customer, which note each query."""

    def __init__(self, *found: PastConversation) -> None:
        self.found, self.queries = found, list[tuple[int, int]]()

    async def earlier(self, customer: int, *, limit: int = 20) -> tuple[PastConversation, ...]:
        self.queries.append((customer, limit))
        return self.found[:limit]


async def gathered(records: FakeRecords, **changes: object) -> Context:
    return await HistorySource(HistorySettings()).gather(turn(**changes), records)


async def test_a_new_customer_costs_no_query() -> None:
    """A customer who is not known yet has no history."""
    records = FakeRecords(earlier("delivery", 3))
    assert await gathered(records, customer=Customer()) == Context()
    assert records.queries == []


async def test_a_first_conversation_costs_no_query() -> None:
    """There is no other to find."""
    records = FakeRecords(earlier("delivery", 3))
    assert await gathered(records, returning=False) == Context()
    assert records.queries == []


async def test_the_facts_of_a_regular_customer() -> None:
    """How often, when and about what they wrote, and how they felt at the end."""
    records = FakeRecords(
        earlier("delivery", 3, id=12, mood="frustrated", resolved_at=None),
        earlier("delivery", 9, id=11, score=2),
        earlier("refund", 40, id=10, score=5),
    )
    context = await gathered(records)
    assert records.queries == [(5, 20)]
    assert [conversation.id for conversation in context.earlier] == [12, 11, 10]
    assert {fact.name: fact.value for fact in context.facts} == {
        "earlier contacts": "3",
        "last contact": "2026-11-20 on email about delivery",
        "last mood": "frustrated",
        "wrote most about": "delivery (2 times)",
        "last score": "2 of 5",
        "still open": "a conversation on email",
    }


async def test_the_current_and_very_old_conversations_are_left_out() -> None:
    """The order is newest first."""
    records = FakeRecords(earlier("a", 40, id=2), earlier("b", 400, id=3), earlier("c", 0, id=1),
                earlier("d", 1, id=4))  # fmt: skip
    context = await gathered(records)
    assert [conversation.id for conversation in context.earlier] == [4, 2]


async def test_without_earlier_conversations_there_are_no_facts() -> None:
    """Nor a list of conversations."""
    assert await gathered(FakeRecords()) == Context()


async def test_the_number_of_conversations_is_limited() -> None:
    """By the settings."""
    records = FakeRecords(earlier("a", 1, id=2), earlier("b", 2, id=3))
    found = await HistorySource(HistorySettings(most=1)).gather(turn(), records)
    assert [conversation.id for conversation in found.earlier] == [2]
