"""Examples are different, and answers are what replies share."""

from __future__ import annotations

from datetime import date

import numpy as np

from gateway import GAP
from plugins.insights.tickets.grouping import diverse, group_alike
from plugins.insights.tickets.matters import AskedMatter
from plugins.insights.tickets.shared_reply import ReplySentence, shared_reply


def test_near_copies_are_no_examples() -> None:
    rows = np.array([[1, 0, 0], [0.99, 0.14, 0], [0, 1, 0], [0, 0, 1]], np.float32)
    assert sorted(diverse(rows, 10)) == [0, 2, 3]


def test_groups_below_the_least_size_are_none() -> None:
    rows = np.eye(4, dtype=np.float32)[[0, 0, 0, 1, 1, 2]]
    groups = group_alike(rows, ["en"] * 6, 2)
    assert [sorted(group.tolist()) for group in groups] == [[0, 1, 2], [3, 4]]
    assert group_alike(rows[:1], ["en"], 2) == []


def _shared(*texts: str) -> tuple[str, ...]:
    """The body of the answer that ``texts``, one sentence to each customer, have in common."""
    matters = [
        AskedMatter(
            number=at,
            conversation=at + 1,
            customer=at + 1,
            day=date(2026, 1, 5),
            language="en",
            question="?",
            reply=text,
            names=frozenset(),
        )
        for at, text in enumerate(texts)
    ]
    sentences = [ReplySentence(at, text) for at, text in enumerate(texts)]
    vectors = np.tile(np.array([[1.0, 0.0]], np.float32), (len(texts), 1))
    found = shared_reply(matters, sentences, vectors, frozenset({"it", "see", "pay"}))
    return found.body if found else ()


def test_links_that_all_were_told_stay() -> None:
    told = "See it at https://shop.example/returns today."
    assert _shared(told, told, told) == (told,)


def test_a_link_of_one_customer_is_a_gap() -> None:
    told = "See it here today: https://shop.example/t/{} please."
    assert _shared(*(told.format(n) for n in range(4))) == (f"See it here today: {GAP} please.",)


def test_one_number_within_another_is_not_taken_for_it() -> None:
    told = "Pay it within 5 days of order 5{}, please."
    body = _shared(*(told.format(100 + n) for n in range(4)))
    assert body == (f"Pay it within 5 days of order {GAP}, please.",)
