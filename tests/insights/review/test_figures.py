"""AC1 and weighted rates give the figures of published examples and of small cases."""

from __future__ import annotations

import random
from datetime import UTC, date, datetime
from typing import Any

import pytest
from scipy import stats

from gateway import Address, CaseRecord, Conversation, Message
from plugins.insights.review.agreement import ac1
from plugins.insights.review.outcomes import find_outcomes
from plugins.insights.review.rates import (
    WeightedAnswer,
    adjusted_weights,
    review_figures,
    weighted_rate,
)
from plugins.insights.review.storage import ReviewSheet
from plugins.insights.review.values import Judgement, ReviewItem, ReviewOutcomes

ABSTRACTORS = {
    ("ectopic", "ectopic"): 13,
    ("aiu", "aiu"): 20,
    ("aiu", "niu"): 7,
    ("niu", "aiu"): 4,
    ("niu", "niu"): 56,
}
"""Two abstractors of 100 pregnancies (Gwet, Handbook of Inter-Rater Reliability, 4th edition; the
data set cont3x3abstractors of his R package irrCAC, whose documentation has the results)."""
FOUR_RATERS = "111- 2232 3333 3333 2222 1234 4444 1121 2222 -555 --11 --3-"
"""Four raters of twelve subjects, with gaps (cac.raw4raters of the same package)."""


def item(number: int, *, language: str = "en", probability: float = 1.0) -> ReviewItem:
    return ReviewItem(
        day=date(2026, 3, 2),
        conversation=number,
        message=number,
        asked=number,
        kind="bot",
        channel="webchat",
        language=language,
        intent="refund",
        probability=probability,
    )


def said(of: ReviewItem, reviewer: str = "desk:ana", **fields: Any) -> Judgement:
    return Judgement(
        item=of.id,
        reviewer=reviewer,
        at=datetime(2026, 3, 3, tzinfo=UTC),
        **{"intent": "refund", **fields},
    )


def test_ac1_of_two_raters_and_three_categories() -> None:
    """0.849, from 0.764 to 0.935. The package's table divides by n where its raw data divide by
    n - 1, as we do: the standard errors differ by a half per cent."""
    figure = ac1([pair for pair, count in ABSTRACTORS.items() for _ in range(count)])
    assert figure.value == pytest.approx(0.8493305, abs=1e-7)
    assert figure.low == pytest.approx(0.764, abs=0.001)
    assert figure.high == pytest.approx(0.935, abs=0.001)
    error = (figure.value - figure.low) / stats.t.ppf(0.975, 99)  # type: ignore[operator]
    assert error * (99 / 100) ** 0.5 == pytest.approx(0.04321747, abs=1e-7)
    assert figure.enough


def test_ac1_of_four_raters_with_gaps() -> None:
    """0.77544 with a standard error of 0.14295, from 0.461 to 1."""
    ratings = [[choice for choice in row if choice != "-"] for row in FOUR_RATERS.split()]
    figure = ac1(ratings)
    assert figure.value == pytest.approx(0.77544, abs=5e-6)
    assert figure.low == pytest.approx(0.461, abs=5e-4)
    assert figure.high == 1
    error = (figure.value - figure.low) / stats.t.ppf(0.975, 11)  # type: ignore[operator]
    assert error == pytest.approx(0.14295, abs=5e-6)
    assert not figure.enough


def test_ac1_stays_high_where_almost_all_is_right() -> None:
    """Cohen's kappa of this table is below 0 (118 of 125 agree that all is right)."""
    table = {(True, True): 118, (True, False): 5, (False, True): 2}
    figure = ac1([pair for pair, count in table.items() for _ in range(count)])
    assert figure.value == pytest.approx(0.94, abs=0.005)


@pytest.mark.parametrize("ratings", [[], [["a", "a"]], [["a"], ["b"]], [["a", "a"], ["a", "a"]]])
def test_ac1_needs_two_double_reviews_and_two_categories(ratings: list[list[str]]) -> None:
    """Otherwise there is no value."""
    assert ac1(ratings).value is None
    assert not ac1(ratings).enough


def test_a_question_with_fixed_choices_has_a_value_when_all_agree() -> None:
    """Nobody ever chose the other one, and it could have been chosen."""
    assert ac1([[True, True]] * 60, (True, False)).value == 1


def test_what_is_drawn_more_often_counts_less() -> None:
    """Three answers that were drawn for sure and are wrong, one that stands for 97."""
    rows = [WeightedAnswer(conversation=n, weight=1, right=0) for n in range(3)]
    rows.append(WeightedAnswer(conversation=9, weight=97, right=1))
    assert weighted_rate(rows).value == pytest.approx(0.97)


def test_without_weights_the_interval_is_that_of_a_uniform_prior() -> None:
    """27 of 30 right."""
    rows = [WeightedAnswer(conversation=n, weight=1, right=float(n < 27)) for n in range(30)]
    figure = weighted_rate(rows)
    low, high = stats.beta(28, 4).ppf([0.025, 0.975])
    assert (figure.low, figure.high) == pytest.approx((low, high), abs=0.005)
    assert figure.enough
    assert not weighted_rate(rows[:29]).enough


def test_answers_of_one_conversation_count_together() -> None:
    """Ten answers of each of three conversations are hardly more than three."""
    rows = [WeightedAnswer(conversation=n % 3, weight=1, right=float(n % 3 > 0)) for n in range(30)]
    figure = weighted_rate(rows)
    assert figure.high - figure.low > 0.5  # type: ignore[operator]


def test_reviewed_items_stand_for_their_own_language_only() -> None:
    """Nobody has reviewed a French one: the figures are about the others, and say so."""
    items = [item(1), item(2), item(3, language="de"), item(4, language="fr", probability=0.5)]
    weights, covered = adjusted_weights(items, {items[0].id, items[2].id})
    assert list(weights.values()) == [2, 1]
    assert covered == pytest.approx(3 / 5)


def test_a_language_that_is_rarely_reviewed_does_not_move_the_rate() -> None:
    """Of 200 German answers 60 % are right and 30 are reviewed; of 200 English ones 90 %, all."""
    chance, values, plain = random.Random(7), [], []  # noqa: S311
    for _ in range(100):
        items = [item(n, language="de" if n < 200 else "en") for n in range(400)]
        judged = {one.id for one in chance.sample(items[:200], 30)}
        judged |= {one.id for one in items[200:]}
        weights, _ = adjusted_weights(items, judged)
        rows = [
            WeightedAnswer(
                conversation=one.conversation,
                weight=weights[one.id],
                right=float(chance.random() < (0.6 if one.language == "de" else 0.9)),
            )
            for one in items
            if one.id in judged
        ]
        values.append(weighted_rate(rows).value)
        plain.append(sum(row.right for row in rows) / len(rows))
    assert sum(values) / 100 == pytest.approx(0.75, abs=0.01)
    assert sum(plain) / 100 == pytest.approx(0.86, abs=0.01)


def test_figures_of_a_period() -> None:
    """By question, channel, language and author, never by person; skipped reviews do not count."""
    items = [item(1), item(2), item(3, language="de"), item(4)]
    sheet = ReviewSheet(
        items=tuple(items),
        judgements=(
            said(items[0], intent="order_status"),
            said(items[1], tone=False),
            said(items[1], "desk:ben", opener="missing"),
            said(items[2]),
            said(items[3], skipped=True),
        ),
    )
    figures = review_figures(sheet)
    assert (figures.drawn, figures.reviewed, figures.covered) == (4, 3, 1)
    assert figures.rates["facts_right"].value == 1
    assert figures.rates["right_intent"].value == pytest.approx(2.5 / 4)
    assert figures.rates["tone_right"].value == pytest.approx((1.5 + 0.75 + 1) / 4)
    assert set(figures.by["language"]) == {"de", "en"}
    assert figures.by["author"]["bot"]["right_intent"].n == 3
    assert figures.agreement["facts_right"].n == 1
    assert "desk:ana" not in repr(figures)


def case(number: int) -> CaseRecord:
    """A customer asks, and the bot answers."""
    opened = datetime(2026, 3, 2, tzinfo=UTC)
    address = Address(channel="webchat", value="v")
    return CaseRecord(
        conversation=Conversation(id=number, address=address, opened_at=opened),
        customer=1,
        messages=(
            Message(id=number, conversation=number, author="customer", text="Where?", at=opened),
            Message(id=number + 1, conversation=number, author="bot", text="There.", at=opened),
        ),
    )


def test_outcomes_say_how_many_agree() -> None:
    """Two of three reviewers name the same intent for a message that was read wrong."""
    one = item(1).replace(message=2)
    sheet = ReviewSheet(
        items=(one,),
        judgements=(
            said(one, intent="where"),
            said(one, "desk:ben", intent="where", mood="anxious"),
            said(one, "desk:cleo", better="Here."),
            said(one, "desk:dan", skipped=True, better="Nowhere."),
        ),
    )
    found = find_outcomes(sheet, [case(1)])
    [example], [answer] = found.examples, found.answers
    assert (example.text, example.intent, example.agreed, example.others) == (
        "Where?",
        "where",
        2,
        1,
    )
    assert (answer.asked, answer.answered, answer.better) == ("Where?", "There.", "Here.")
    assert [mood.right for mood in found.moods] == ["calm", "anxious", "calm"]


def test_what_was_erased_has_no_outcome() -> None:
    """The words are read from the conversation, which is gone."""
    one = item(1)
    sheet = ReviewSheet(items=(one,), judgements=(said(one, intent="where", better="Here."),))
    assert find_outcomes(sheet, []) == ReviewOutcomes()
