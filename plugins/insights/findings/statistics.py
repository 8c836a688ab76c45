"""The statistics of the findings: comparisons within strata, with false findings under control.

scipy computes every distribution and the control of the false discovery rate; what is here joins
strata. All counts are of different customers' conversations wherever one conversation could count
twice.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from plugins.insights.model import DiscoveryKind, Figure

Floats: TypeAlias = NDArray[np.float64]
Counts: TypeAlias = NDArray[np.int64]

FALSE_MONTHS = 0.05
"""At most this share of periods in which there is nothing to find may show a finding."""

SHARES: dict[DiscoveryKind, float] = {
    "phrase_hurts": 0.1,
    "phrase_helps": 0.1,
    "unanswered_question": 0.2,
    "rewritten_answer": 0.15,
    "channel_drift": 0.15,
    "new_words": 0.1,
    "overload": 0.1,
    "mood_misread": 0.05,
    "agents_notes": 0.05,
}
"""How `FALSE_MONTHS` is divided among the kinds (Bonferroni): their sum is 1. Within a kind the
Benjamini-Hochberg procedure holds the false discovery rate; where nothing is true, that is the
chance of any finding."""

EXACT_BELOW = 400
"""Up to so many uses the exact distribution is computed; beyond, the normal one is as good."""


def level(kind: DiscoveryKind) -> float:
    """The false discovery rate for ``kind``, 0..1."""
    return FALSE_MONTHS * SHARES[kind]


class StratumCounts(NamedTuple):
    """One row per stratum: ``size`` cases, ``events`` of them with the outcome; ``exposed`` of them
    with what is tested, ``both`` with both."""

    size: Counts
    events: Counts
    exposed: Counts
    both: Counts

    @property
    def expected(self) -> Floats:
        """The cases with both, where the two have nothing to do with one another."""
        return np.asarray(self.exposed * self.events / np.maximum(self.size, 1))

    @property
    def variance(self) -> Floats:
        """That of the hypergeometric distribution."""
        size = np.maximum(self.size, 2).astype(np.float64)
        spread = self.exposed * (size - self.exposed) * self.events * (size - self.events)
        return np.asarray(spread / (size * size * (size - 1)))

    @property
    def telling(self) -> StratumCounts:
        """Without the strata that cannot tell anything."""
        return self.where(self.variance > 0)

    def where(self, chosen: NDArray[np.bool_]) -> StratumCounts:
        return StratumCounts(*(column[chosen] for column in self))

    def score(self) -> float:
        """The Cochran-Mantel-Haenszel statistic as a z value: above 0 the outcome is more frequent
        with what is tested, within strata. 0 where nothing can be told."""
        variance = float(self.variance.sum())
        excess = float((self.both - self.expected).sum())
        return excess / variance**0.5 if variance > 0 else 0.0


def stratified_p(counts: StratumCounts, *, more: bool = True) -> float:
    """The chance that the outcome is so much ``more`` (else less) frequent with what is tested,
    within strata, if the two had nothing to do with one another.

    The exact conditional test of a common odds ratio (Cochran 1954, Mantel and Haenszel 1959;
    exact: Mehta, Patel and Gray 1985): the sum of independent hypergeometric counts, one of each
    stratum. Exact up to `EXACT_BELOW` uses, beyond that normal with a continuity correction.
    """
    from scipy import stats  # noqa: PLC0415  (slow to import)

    counts = counts.telling
    if not len(counts.size):
        return 1.0
    observed = int(counts.both.sum())
    if counts.exposed.sum() > EXACT_BELOW and counts.variance.sum() > 25:
        distance = observed - counts.expected.sum()
        distance = (distance if more else -distance) - 0.5
        return float(stats.norm.sf(distance / counts.variance.sum() ** 0.5))
    lowest, weights = 0, np.ones(1)
    for size, events, exposed, _ in zip(*counts, strict=True):
        first, last = max(0, exposed + events - size), min(exposed, events)
        values = np.arange(first, last + 1)
        lowest += int(first)
        weights = np.convolve(weights, stats.hypergeom.pmf(values, size, events, exposed))
    values = lowest + np.arange(len(weights))
    chosen = values >= observed if more else values <= observed
    return float(min(1.0, weights[chosen].sum()))


class LogOdds(NamedTuple):
    """A log-odds ratio and its standard error."""

    value: float
    error: float

    @property
    def z(self) -> float:
        return self.value / self.error


def weighted_log_odds(counts: StratumCounts, prior: float) -> LogOdds:
    """How much likelier the outcome makes what is tested, as a log-odds ratio within strata.

    Per stratum the log-odds ratio with an informative Dirichlet prior (Monroe, Colaresi and Quinn
    2008, "Fightin' Words", equations 16 to 22): ``prior`` cases are added to each side, with the
    share that the tested thing has in the whole stratum, so that rare things are drawn to 0. The
    strata are joined by the inverse of the variances.
    """
    counts = counts.telling
    if not len(counts.size):
        return LogOdds(0.0, float("inf"))
    share = (counts.exposed + 0.5) / (counts.size + 1)
    uses, without = prior * share, prior * (1 - share)
    rest, elsewhere = counts.events - counts.both, counts.exposed - counts.both
    neither = counts.size - counts.events - elsewhere
    ratio = np.log((counts.both + uses) / (rest + without)) - np.log(
        (elsewhere + uses) / (neither + without)
    )
    variance = 1 / (counts.both + uses) + 1 / (elsewhere + uses)
    weight = 1 / variance
    return LogOdds(float((ratio * weight).sum() / weight.sum()), float(weight.sum() ** -0.5))


def discoveries(p_values: Sequence[float] | Floats, kind: DiscoveryKind) -> NDArray[np.bool_]:
    """Which of the tests of ``kind`` are findings (Benjamini and Hochberg 1995)."""
    from scipy import stats  # noqa: PLC0415  (slow to import)

    values = np.asarray(p_values, np.float64)
    if not len(values):
        return np.zeros(0, np.bool_)
    adjusted: NDArray[Any] = stats.false_discovery_control(np.clip(values, 0, 1), method="bh")
    return np.asarray(adjusted <= level(kind))


def share_figure(hits: int, n: int, least: int) -> Figure:
    """A share with its Wilson interval (Wilson 1927); ``enough`` from ``least`` cases."""
    if n == 0:
        return Figure(value=None, low=None, high=None, n=0, enough=False)
    from scipy import stats  # noqa: PLC0415  (slow to import)

    interval = stats.binomtest(hits, n).proportion_ci(method="wilson")
    low, high = float(interval.low), float(interval.high)
    return Figure(value=hits / n, low=low, high=high, n=n, enough=n >= least)
