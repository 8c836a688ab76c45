"""The statistics of the findings."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from plugins.insights.findings.ngrams import count_phrases
from plugins.insights.findings.sampling import Sample
from plugins.insights.findings.statistics import (
    SHARES,
    StratumCounts,
    discoveries,
    stratified_p,
    weighted_log_odds,
)


def _table(*strata: tuple[tuple[int, ...], tuple[int, ...]]) -> StratumCounts:
    cases, exposed = zip(*strata, strict=True)
    return StratumCounts(np.array(cases), np.array(exposed))


def test_one_stratum_of_two_outcomes_is_fishers_test() -> None:
    """The p-value is scipy's for the same table."""
    counts = _table(((30, 12), (5, 8)))
    fisher = stats.fisher_exact([[8, 4], [5, 25]], alternative="greater").pvalue
    assert stratified_p(counts) == pytest.approx(fisher)


def test_more_outcomes_have_the_distribution_of_draws() -> None:
    """With three outcomes the p-value is that of drawing without replacement."""
    cases, exposed = (10, 6, 4), (1, 2, 3)
    values = np.repeat([0, 1, 2], cases)
    rng = np.random.default_rng(0)
    draws = np.array([rng.choice(values, 6, replace=False).sum() for _ in range(20_000)])
    p = stratified_p(_table((cases, exposed)))
    assert p == pytest.approx((draws >= 8).mean(), abs=0.01)


def test_a_confounded_outcome_is_no_finding() -> None:
    """What is only frequent where the outcome is frequent anyway has nothing to do with it."""
    calm, angry = ((90, 10), (9, 1)), ((10, 90), (8, 72))
    apart = _table(calm, angry)
    together = StratumCounts(
        apart.cases.sum(axis=0, keepdims=True), apart.exposed.sum(axis=0, keepdims=True)
    )
    assert stratified_p(together) < 1e-6
    assert stratified_p(apart) > 0.3


def test_few_uses_say_little() -> None:
    """With the prior two uses tell nothing, whatever came of them."""
    few, many = _table(((80, 20), (0, 2))), _table(((8000, 2000), (0, 200)))
    assert weighted_log_odds(few, 20).z < 1.96
    assert weighted_log_odds(many, 20).z > 4


def test_the_kinds_share_the_false_months() -> None:
    """All kinds together have the whole of the chance, and no more."""
    assert sum(SHARES.values()) <= 1 + 1e-9


def test_chance_makes_few_discoveries() -> None:
    """Where nothing is true, any discovery is as rare as the kind's share says."""
    rng = np.random.default_rng(1)
    months = [discoveries(rng.random(200), "phrase_hurts").any() for _ in range(2000)]
    assert np.mean(months) <= 0.035


def test_phrases_are_counted_by_text() -> None:
    """A phrase is within a clause, has no number, and counts once for a text."""
    texts = ["No refund, no refund after 14 days.", "There is no refund here"]
    found = count_phrases(texts, np.array([1, 1], np.int64), 2)
    assert set(found.phrases) == {"no", "refund", "no refund"}
    assert found.uses.toarray().tolist() == [[1, 1, 1], [1, 1, 1]]


def test_a_sample_does_not_depend_on_the_order() -> None:
    """The same items are kept however they come."""
    first, second = Sample[int](10), Sample[int](10)
    for number in range(1000):
        first.add(number, number)
        second.add(999 - number, 999 - number)
    assert list(first) == list(second)
    assert len(first) == 10
    assert first.seen == 1000
