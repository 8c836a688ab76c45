"""What our records tell of a customer."""

from __future__ import annotations

from gateway import Context, Customer, PastConversation
from plugins.context_history import History, HistorySettings
from tests.routing.making import earlier, turn


class Kept:
    """Records of one customer, which remember what they were asked."""

    def __init__(self, *found: PastConversation) -> None:
        self.found, self.asked = found, list[tuple[int, int]]()

    async def earlier(self, customer: int, *, limit: int = 20) -> tuple[PastConversation, ...]:
        self.asked.append((customer, limit))
        return self.found[:limit]


async def gathered(kept: Kept, **known: object) -> Context:
    return await History(HistorySettings()).gather(turn(**known), kept)


async def test_a_new_customer_costs_no_query() -> None:
    """Who is not known yet has no history, and the records are not asked."""
    kept = Kept(earlier("delivery", 3))
    assert await gathered(kept, customer=Customer()) == Context()
    assert kept.asked == []


async def test_a_first_conversation_costs_no_query() -> None:
    """Who is in their first conversation has no other, and the records are not asked."""
    kept = Kept(earlier("delivery", 3))
    assert await gathered(kept, returning=False) == Context()
    assert kept.asked == []


async def test_what_is_told_of_a_regular() -> None:
    """How often, when, about what, and how the customer felt at the end."""
    kept = Kept(
        earlier("delivery", 3, id=12, mood="frustrated", resolved_at=None),
        earlier("delivery", 9, id=11, score=2),
        earlier("refund", 40, id=10, score=5),
    )
    context = await gathered(kept)
    assert kept.asked == [(5, 20)]
    assert [one.id for one in context.earlier] == [12, 11, 10]
    assert {fact.name: fact.value for fact in context.facts} == {
        "earlier contacts": "3",
        "last contact": "2026-11-20 on email about delivery",
        "last mood": "frustrated",
        "wrote most about": "delivery (2 times)",
        "last score": "2 of 5",
        "still open": "a conversation on email",
    }


async def test_only_earlier_ones_of_late() -> None:
    """This conversation and those of long ago are left out; the order is newest first."""
    kept = Kept(earlier("a", 40, id=2), earlier("b", 400, id=3), earlier("c", 0, id=1),
                earlier("d", 1, id=4))  # fmt: skip
    context = await gathered(kept)
    assert [one.id for one in context.earlier] == [4, 2]


async def test_nothing_to_tell() -> None:
    """A customer without earlier conversations has no facts."""
    assert await gathered(Kept()) == Context()


async def test_the_bound_is_kept() -> None:
    """No more conversations are looked at than the settings allow."""
    kept = Kept(earlier("a", 1, id=2), earlier("b", 2, id=3))
    found = await History(HistorySettings(most=1)).gather(turn(), kept)
    assert [one.id for one in found.earlier] == [2]
