"""Customers who come back are found, within 30 days and whatever the order."""

from __future__ import annotations

from itertools import permutations

from plugins.insights.facts.case_facts import Contact, Returns
from plugins.insights.facts.returns import find_returns

DAY = 86_400.0


def contact(id: int, day: float, intent: str = "refund") -> Contact:
    return Contact(conversation=id, opened=day * DAY, intent=intent, mood="calm")


def test_the_next_contact_and_the_next_about_the_same_matter() -> None:
    contacts = [contact(1, 0), contact(2, 2, "invoice"), contact(3, 5)]
    for order in permutations(contacts):
        found = find_returns(order)
        assert found[1] == Returns(back=2 * DAY, back_same=5 * DAY, back_mood="calm")
        assert found[2] == Returns(back=3 * DAY, back_mood="calm")
        assert found[3] == Returns(repeat_after=5 * DAY)


def test_after_30_days_it_is_no_return() -> None:
    assert find_returns([contact(1, 0), contact(2, 30.01)]) == {}
    assert find_returns([contact(1, 0), contact(2, 30)])[2].repeat_after == 30 * DAY


def test_two_conversations_about_nothing_known_are_not_the_same_matter() -> None:
    found = find_returns([contact(1, 0, "none"), contact(2, 1, "none")])
    assert found[1].back == DAY
    assert found[1].back_same is None
