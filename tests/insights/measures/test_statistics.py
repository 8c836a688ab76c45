"""Intervals cover the truth as often as they say, and planted differences are found."""

from __future__ import annotations

import math
from collections import Counter

import numpy as np
import pytest
from scipy.stats import lognorm

from plugins.insights.measures import statistics
from plugins.insights.measures.tally import duration_bin
from plugins.insights.model import Figure

RUNS = 200
LEAST = 30


def covers(figure: Figure, truth: float) -> bool:
    assert figure.low is not None
    assert figure.high is not None
    return figure.low <= truth <= figure.high


def share_covered(covered: list[bool]) -> None:
    """Between 90 and 99 % of runs: the issue's bound for an interval at 95 %."""
    assert 0.90 <= sum(covered) / len(covered) <= 0.995


@pytest.mark.parametrize(("n", "truth"), [(30, 0.1), (60, 0.5), (400, 0.03), (2_000, 0.7)])
def test_the_interval_of_a_rate_covers_it(n: int, truth: float) -> None:
    draws = np.random.default_rng(1).binomial(n, truth, RUNS)
    share_covered([covers(statistics.rate(int(k), n, LEAST), truth) for k in draws])


@pytest.mark.parametrize("n", [40, 200, 2_000])
@pytest.mark.parametrize("share", [0.5, 0.9])
def test_the_interval_of_a_quantile_covers_it(n: int, share: float) -> None:
    truth = float(lognorm(1.0, scale=300).ppf(share))
    random = np.random.default_rng(2)
    covered, errors = [], []
    for _ in range(RUNS // 2):
        times = random.lognormal(np.log(300), 1.0, n)
        figure = statistics.quantile(Counter(map(duration_bin, times)), share, LEAST)
        exact = float(np.sort(times)[int(np.ceil(share * n)) - 1])
        assert figure.value is not None
        errors.append(abs(figure.value - exact) / exact)
        covered.append(covers(figure, truth))
    share_covered(covered)
    assert max(errors) <= 0.01


@pytest.mark.parametrize("n", [40, 500, statistics.MANY])
def test_the_interval_of_a_mean_covers_it(n: int) -> None:
    shares = [0.1, 0.1, 0.2, 0.25, 0.35]
    truth = sum(score * share for score, share in enumerate(shares, 1))
    draws = np.random.default_rng(3).multinomial(n, shares, RUNS)
    covered = [
        covers(statistics.mean(dict(enumerate(map(int, draw), 1)), LEAST), truth) for draw in draws
    ]
    share_covered(covered)


def test_the_interval_of_a_mean_is_the_same_for_many(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also of counts as uneven as seconds of waiting."""
    counts = {1: 3_000, 10: 1_500, 100: 400, 1_000: 90, 10_000: 10}
    many = statistics.mean(counts, LEAST)
    monkeypatch.setattr(statistics, "MANY", 10_000)
    statistics._drawn_means.cache_clear()
    drawn = statistics.mean(counts, LEAST)
    assert None not in (many.low, many.high, drawn.low, drawn.high)
    width = float(drawn.high or 0) - float(drawn.low or 0)
    assert many.low == pytest.approx(drawn.low, abs=0.12 * width)
    assert many.high == pytest.approx(drawn.high, abs=0.12 * width)


def test_the_interval_of_a_difference_of_rates_covers_it() -> None:
    random = np.random.default_rng(4)
    first, second = random.binomial(80, 0.05, RUNS), random.binomial(200, 0.15, RUNS)
    share_covered(
        [
            covers(statistics.rate_difference((int(a), int(b)), (80, 200), LEAST), -0.10)
            for a, b in zip(first, second, strict=True)
        ]
    )


def test_the_interval_of_a_difference_of_medians_covers_it() -> None:
    random = np.random.default_rng(5)
    covered = []
    for _ in range(RUNS // 2):
        one = Counter(map(duration_bin, random.lognormal(np.log(400), 1.0, 120)))
        other = Counter(map(duration_bin, random.lognormal(np.log(300), 1.0, 150)))
        covered.append(covers(statistics.quantile_difference(one, other, 0.5, LEAST), 100.0))
    share_covered(covered)


def test_the_interval_of_a_difference_of_means_covers_it() -> None:
    random = np.random.default_rng(61)
    one = random.multinomial(100, [0.1, 0.2, 0.3, 0.2, 0.2], RUNS)
    other = random.multinomial(100, [0.2, 0.2, 0.3, 0.2, 0.1], RUNS)
    share_covered(
        [
            covers(
                statistics.mean_difference(
                    dict(enumerate(map(int, a), 1)), dict(enumerate(map(int, b), 1)), LEAST
                ),
                0.4,
            )
            for a, b in zip(one, other, strict=True)
        ]
    )


@pytest.mark.parametrize("kind", ["share", "median", "mean"])
def test_the_interval_of_two_differences_covers_it(kind: str) -> None:
    """Of four groups: two differ by more now than they did before. p tells the same as the
    interval."""
    random = np.random.default_rng(16)
    sizes, covered = (150, 300, 120, 400), []
    shares = (0.6, 0.5, 0.5, 0.45)

    def drawn(at: int, number: int) -> dict[int, int]:
        match kind:
            case "share":
                yes = int(random.binomial(number, shares[at]))
                return {0: number - yes, 1: yes}
            case "median":
                return Counter(map(duration_bin, random.lognormal(6 + shares[at], 1.0, number)))
            case _:
                return Counter(random.binomial(4, shares[at], number).tolist())

    def differing(one: dict[int, int], other: dict[int, int]) -> Figure:
        match kind:
            case "share":
                numbers = (sum(one.values()), sum(other.values()))
                return statistics.rate_difference((one[1], other[1]), numbers, LEAST)
            case "median":
                return statistics.quantile_difference(one, other, 0.5, LEAST)
            case _:
                return statistics.mean_difference(one, other, LEAST)

    values = [math.exp(6 + s) if kind == "median" else 4 * s for s in shares]
    values = list(shares) if kind == "share" else values
    truth = (values[0] - values[1]) - (values[2] - values[3])
    for _ in range(RUNS):
        a, b, c, d = (drawn(at, number) for at, number in enumerate(sizes))
        found = statistics.difference_of_differences(differing(a, b), differing(c, d))
        covered.append(covers(found, truth))
        assert (statistics.p_of_interval(found) < 0.05) is not covers(found, 0.0)
    share_covered(covered)


def test_ten_points_are_found_with_400_cases_on_each_side() -> None:
    """50 % against 60 %: the power is at least 0.8, and without a difference at most 5 % are
    found."""
    random = np.random.default_rng(7)
    n = (400, 400)
    found, false = 0, 0
    for _ in range(RUNS):
        a, b, c = (int(random.binomial(400, p)) for p in (0.5, 0.6, 0.5))
        found += statistics.p_of_rates((b, a), n) <= 0.05
        false += statistics.p_of_rates((c, a), n) <= 0.05
    assert found / RUNS >= 0.8
    assert false / RUNS <= 0.06


def test_many_comparisons_without_a_difference_seldom_stand() -> None:
    """The share of families of 30 tests with any false finding is about 5 %."""
    random = np.random.default_rng(8)
    families = [any(statistics.notable(list(random.uniform(size=30)))) for _ in range(RUNS)]
    assert sum(families) / RUNS <= 0.08
    assert statistics.notable([0.0001, 0.4, 0.9]) == [True, False, False]
    assert statistics.notable([]) == []


def test_small_samples_are_not_enough() -> None:
    """No case gives no figure; few give one that is grey."""
    assert statistics.rate(0, 0, LEAST) == statistics.nothing()
    assert not statistics.rate(3, 29, LEAST).enough
    assert statistics.rate(3, 30, LEAST).enough
    assert statistics.quantile({}, 0.5, LEAST) == statistics.nothing()
    assert statistics.quantile({10: 30}, 0.5, LEAST).enough
    assert not statistics.quantile({10: 30}, 0.9, LEAST).enough
    assert statistics.mean({}, LEAST) == statistics.nothing()


def test_the_same_counts_give_the_same_figure() -> None:
    counts = {1: 10, 3: 30, 5: 7}
    assert statistics.mean(counts, LEAST) == statistics.mean(dict(counts), LEAST)


def test_equal_counts_differ_by_nothing() -> None:
    same = {4: 50}
    assert statistics.mean_difference(same, same, LEAST).value == 0
    assert statistics.p_of_means(same, same) == 1.0
    assert statistics.p_of_quantiles(same, same, 0.5) == 1.0
