"""Figures and differences with their intervals, from counts. All at 95 %, all repeatable.

scipy is imported when the first figure is computed: a server that shows no report does without.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from plugins.insights.measures.tally import duration_in, longest_in, shortest_in
from plugins.insights.model import Figure

Counts = Mapping[int, int]
CONFIDENCE = 0.95
RESAMPLES = 2_000
MANY = 5_000
"""Cases from which the mean of a resample is drawn from the normal distribution that it then has
(the central limit theorem): a multinomial draw of so many takes half of a page's time."""
SEED = 16
"""Of the bootstrap: the same counts always give the same figure."""
FALSE_DISCOVERIES = 0.05
Array = np.ndarray[Any, Any]
_TAILS = ((1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2)


def rate(yes: int, number: int, least: int) -> Figure:
    """A share, with Wilson's interval (Wilson 1927)."""
    if number <= 0:
        return nothing()
    low, high = _wilson(yes, number)
    return Figure(value=yes / number, low=low, high=high, n=number, enough=number >= least)


@lru_cache(maxsize=10_000)
def _wilson(yes: int, number: int) -> tuple[float, float]:
    from scipy.stats import binomtest  # noqa: PLC0415

    # The interval is the same whatever is tested; what is tested here is the fastest.
    found = binomtest(yes, number, yes / number).proportion_ci(CONFIDENCE, method="wilson")
    return float(found.low), float(found.high)


def quantile(counts: Counts, share: float, least: int) -> Figure:
    """A quantile of durations in the bins of a logarithmic histogram, with the exact interval of
    order statistics (Conover 1999). The interval reaches to the ends of its bins. Cases are
    not enough when there is no interval of that confidence: below 6 for a median, 36 for a p90."""
    number = sum(counts.values())
    if number == 0:
        return nothing()
    low, high = _ranks(number, share)
    inside = low >= 1 and high <= number
    bins, ends = _ordered(counts)
    return Figure(
        value=duration_in(_at(bins, ends, max(1, int(np.ceil(share * number))))),
        low=shortest_in(_at(bins, ends, max(1, low))),
        high=longest_in(_at(bins, ends, min(number, high))),
        n=number,
        enough=inside and number >= least,
    )


@lru_cache(maxsize=10_000)
def _ranks(number: int, share: float) -> tuple[int, int]:
    """The ranks, from 1, of the two order statistics that enclose the quantile. 0 and ``number`` +
    1: so few cases have no such end."""
    from scipy.stats import binom  # noqa: PLC0415

    low = int(binom.ppf(_TAILS[0], number, share))
    high = int(binom.ppf(_TAILS[1], number, share)) + 1
    return low, high


def _ordered(counts: Counts) -> tuple[list[int], Array]:
    """The values in order, and for each how many are not above it."""
    values = sorted(counts)
    return values, np.cumsum([counts[value] for value in values])


def _at(values: Sequence[int], ends: Array, rank: int) -> int:
    return values[int(np.searchsorted(ends, rank))]


def mean(counts: Counts, least: int, *, scale: Callable[[int], float] = float) -> Figure:
    """The mean of what the values stand for (``scale``), with a percentile bootstrap (Efron 1979):
    drawing as many cases again, with replacement, is a multinomial draw from the counts."""
    number = sum(counts.values())
    if number == 0:
        return nothing()
    values, shares = _distribution(counts, scale)
    low, high = np.quantile(_means(values, shares, number, SEED), _TAILS)
    value = float(values @ shares)
    return Figure(value=value, low=float(low), high=float(high), n=number, enough=number >= least)


def _distribution(counts: Counts, scale: Callable[[int], float]) -> tuple[Array, Array]:
    values = sorted(counts)
    number = sum(counts.values())
    shares = np.array([counts[value] for value in values], dtype=float) / number
    return np.array([scale(value) for value in values], dtype=float), shares


def _means(values: Array, shares: Array, number: int, seed: int) -> Array:
    """The means of resamples. A page asks for those of one group several times."""
    return _drawn_means(values.tobytes(), shares.tobytes(), number, seed)


@lru_cache(maxsize=256)
def _drawn_means(values: bytes, shares: bytes, number: int, seed: int) -> Array:
    from scipy.stats import multinomial  # noqa: PLC0415

    random = np.random.default_rng(seed)
    points, weights = np.frombuffer(values), np.frombuffer(shares)
    means: Array
    if number >= MANY:
        centre = points @ weights
        means = random.normal(centre, np.sqrt((points - centre) ** 2 @ weights / number), RESAMPLES)
    else:
        # Not of a frozen distribution: writing its docstring takes longer than the draws.
        drawn = multinomial.rvs(number, weights, size=RESAMPLES, random_state=random)
        means = (drawn @ points) / number
    means.setflags(write=False)
    return means


def rate_difference(yes: tuple[int, int], number: tuple[int, int], least: int) -> Figure:
    """The first share minus the second, with Newcombe's interval from their Wilson intervals
    (Newcombe 1998, method 10), which keeps its coverage where a share is near 0 or 1."""
    if min(number) <= 0:
        return nothing()
    first, second = yes[0] / number[0], yes[1] / number[1]
    (low_1, high_1), (low_2, high_2) = _wilson(yes[0], number[0]), _wilson(yes[1], number[1])
    down = float(np.hypot(first - low_1, high_2 - second))
    up = float(np.hypot(high_1 - first, second - low_2))
    value = first - second
    return _between(value, value - down, value + up, number, least)


def quantile_difference(one: Counts, other: Counts, share: float, least: int) -> Figure:
    """The first quantile minus the second, with a percentile bootstrap."""
    number = (sum(one.values()), sum(other.values()))
    if min(number) <= 0:
        return nothing()
    drawn = [_quantiles(counts, share, SEED + at) for at, counts in enumerate((one, other))]
    low, high = np.quantile(drawn[0] - drawn[1], _TAILS)
    values = [quantile(counts, share, least).value or 0.0 for counts in (one, other)]
    return _between(values[0] - values[1], float(low), float(high), number, least)


def _quantiles(counts: Counts, share: float, seed: int) -> Array:
    """Quantiles of resamples. The rank of a resample's quantile, among the cases in order, is the
    rank of an order statistic of as many uniform numbers: a beta variable (David and Nagaraja
    2003). So no resample needs to be drawn."""
    from scipy.stats import beta  # noqa: PLC0415

    number = sum(counts.values())
    values, ends = _ordered(counts)
    rank = max(1, int(np.ceil(share * number)))
    where = beta(rank, number - rank + 1).rvs(RESAMPLES, random_state=np.random.default_rng(seed))
    found = np.searchsorted(ends, np.ceil(where * number).clip(1, number))
    seconds: Array = np.array([duration_in(value) for value in values])[found]
    return seconds


def mean_difference(
    one: Counts, other: Counts, least: int, *, scale: Callable[[int], float] = float
) -> Figure:
    """The first mean minus the second, with a percentile bootstrap."""
    number = (sum(one.values()), sum(other.values()))
    if min(number) <= 0:
        return nothing()
    sides = [_distribution(counts, scale) for counts in (one, other)]
    drawn = [
        _means(*side, n, SEED + at) for at, (side, n) in enumerate(zip(sides, number, strict=True))
    ]
    low, high = np.quantile(drawn[0] - drawn[1], _TAILS)
    value = float(sides[0][0] @ sides[0][1] - sides[1][0] @ sides[1][1])
    return _between(value, float(low), float(high), number, least)


def difference_of_differences(one: Figure, other: Figure) -> Figure:
    """The first difference minus the second, of four groups that share no case, with a 95 %
    interval from those of both (MOVER: Zou and Donner 2008, "Construction of confidence limits
    about effect measures")."""
    n = one.n + other.n
    if None in (one.value, one.low, one.high, other.value, other.low, other.high):
        return Figure(value=None, low=None, high=None, n=n, enough=False)
    first, low_1, high_1 = float(one.value or 0), float(one.low or 0), float(one.high or 0)
    second, low_2, high_2 = float(other.value or 0), float(other.low or 0), float(other.high or 0)
    value = first - second
    return Figure(
        value=value,
        low=value - float(np.hypot(first - low_1, high_2 - second)),
        high=value + float(np.hypot(high_1 - first, second - low_2)),
        n=n,
        enough=one.enough and other.enough,
    )


def p_of_interval(difference: Figure) -> float:
    """How probable so large a difference is if there is none, from its 95 % interval (Altman and
    Bland 2011, "How to obtain the P value from a confidence interval"). Of an interval that is not
    symmetric the side of no difference counts, so that p is below 0.05 exactly where the interval
    leaves no difference out."""
    from scipy.stats import norm  # noqa: PLC0415

    value, low, high = difference.value, difference.low, difference.high
    if not value or low is None or high is None:
        return 1.0
    side = value - low if value > 0 else high - value
    if side <= 0:
        return 0.0
    return float(2 * norm.sf(abs(value) / side * norm.ppf(_TAILS[1])))


def p_of_rates(yes: tuple[int, int], number: tuple[int, int]) -> float:
    """How probable so different shares are if there is no difference: Fisher's exact test."""
    from scipy.stats import fisher_exact  # noqa: PLC0415

    table = [[yes[i], number[i] - yes[i]] for i in range(2)]
    return float(fisher_exact(table).pvalue)


def p_of_quantiles(one: Counts, other: Counts, share: float) -> float:
    """As `p_of_rates`, of the shares at or below the quantile of both together (the median test of
    Mood 1950, with Fisher's exact test)."""
    together = {value: one.get(value, 0) + other.get(value, 0) for value in {*one, *other}}
    values, ends = _ordered(together)
    limit = _at(values, ends, max(1, int(np.ceil(share * int(ends[-1])))))
    below = [sum(n for value, n in c.items() if value <= limit) for c in (one, other)]
    return p_of_rates((below[0], below[1]), (sum(one.values()), sum(other.values())))


def p_of_means(one: Counts, other: Counts, *, scale: Callable[[int], float] = float) -> float:
    """As `p_of_rates`, of means: Welch's t-test."""
    from scipy.stats import ttest_ind_from_stats  # noqa: PLC0415

    parts: list[float] = []
    for counts in (one, other):
        values, shares = _distribution(counts, scale)
        number = sum(counts.values())
        center = float(values @ shares)
        spread = float(((values - center) ** 2) @ shares) * number / max(1, number - 1)
        parts += [center, spread**0.5, number]
    if parts[1] == parts[4] == 0:
        return 1.0 if parts[0] == parts[3] else 0.0
    return float(ttest_ind_from_stats(*parts, equal_var=False).pvalue)


def notable(p_values: Sequence[float]) -> list[bool]:
    """Which of several comparisons stand when at most `FALSE_DISCOVERIES` of those that stand may
    be false on average (Benjamini and Hochberg 1995)."""
    from scipy.stats import false_discovery_control  # noqa: PLC0415

    if not p_values:
        return []
    adjusted = false_discovery_control(np.clip(p_values, 0.0, 1.0), method="bh")
    return [bool(value <= FALSE_DISCOVERIES) for value in adjusted]


def nothing() -> Figure:
    """The figure of no cases."""
    return Figure(value=None, low=None, high=None, n=0, enough=False)


def _between(value: float, low: float, high: float, number: tuple[int, int], least: int) -> Figure:
    return Figure(value=value, low=low, high=high, n=sum(number), enough=min(number) >= least)
