"""The facts of two answers: the same, some more, or a conflict."""

from __future__ import annotations

import pytest

from plugins.history.audit.facts import StatedValue, compared, facts_of
from plugins.history.audit.texts import content


@pytest.mark.parametrize(
    ("text", "fact"),
    [
        ("It costs €4.90.", ("money", "4.90")),
        ("Das kostet 4,90 Euro.", ("money", "4.90")),
        ("We need 5 working days.", ("span", "5 d")),
        ("innerhalb von 14 Tagen", ("span", "14 d")),
        ("3 to 5 days", ("span", "3-5 d")),
        ("There is 15% off.", ("percent", "15")),
        ("von 9:00 bis 18:00", ("time", "18:00")),
        ("until 6 pm", ("time", "18:00")),
        ("Wash it at 40 degrees.", ("degrees", "40")),
        ("See https://www.shop.example/parts.", ("link", "shop.example/parts")),
        ("Your order MP-48213 left us.", ("code", "mp-48213")),
        ("It was sent on 5 May.", ("date", "5 may")),
    ],
)
def test_a_fact_is_read(text: str, fact: tuple[str, str]) -> None:
    """Amounts, spans, times, links, codes and dates, in the ways people write them."""
    assert StatedValue(*fact) in facts_of(text)


@pytest.mark.parametrize(
    ("bot", "person", "conflict"),
    [
        ("Delivery takes 3 days.", "It will be there in 5 days.", True),
        ("Delivery takes 3 days.", "It takes 3 days, or 1 day by express.", False),
        ("The guarantee is 2 years.", "Send it back within 30 days.", False),
        ("It costs €5.", "It costs 5.00 euros.", False),
        ("It costs €5.", "Your order MP-12345 was sent on 3 May.", False),
    ],
)
def test_a_conflict_needs_two_facts_of_a_kind(bot: str, person: str, conflict: bool) -> None:
    """Days against days, money against money; more is no conflict."""
    assert bool(compared(bot, person).conflicts) is conflict


def test_what_the_customer_wrote_proves_nothing() -> None:
    """Both repeat the customer's amount."""
    match = compared("About your €20:", "The €20 are on the way.", "I paid €20")
    assert match.shared == frozenset()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Dear Ms Brown,\nIt takes 3 days.\nKind regards\nUna", "It takes 3 days."),
        ("Hallo Tom, das dauert 3 Tage.\nFreundliche Grüße\nUna", "das dauert 3 Tage."),
        ("Yes.\n\nOn 3 May 2026 Tom Reilly wrote:\n> Is it free?", "Yes."),
    ],
)
def test_an_answer_without_what_is_around_it(text: str, said: str) -> None:
    """Greeting, sign-off and quoted mails say nothing."""
    assert content(text) == said
