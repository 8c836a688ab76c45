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
    "phrase_hurts": 0.4,
    "phrase_helps": 0.1,
    "unanswered_question": 0.2,
    "rewritten_answer": 0.05,
    "channel_drift": 0.1,
    "new_words": 0.05,
    "overload": 0.06,
    "mood_misread": 0.02,
    "agents_notes": 0.02,
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
    """What came of cases with and without the thing that is tested, by stratum.

    Both have a row for each stratum and a column for each outcome, the worst last: ``cases`` counts
    all of the stratum's, ``exposed`` those with the tested thing. Two outcomes are "no" and "yes".
    """

    cases: Counts
    exposed: Counts

    @property
    def exposures(self) -> Counts:
        return np.asarray(self.exposed.sum(axis=1))

    @property
    def expected(self) -> Floats:
        """The sum of the exposed cases' outcomes (their columns), were they like all others'."""
        return np.asarray(self.exposures * self._mean)

    @property
    def variance(self) -> Floats:
        """Of that sum: the multivariate hypergeometric distribution's."""
        size, exposures = self.cases.sum(axis=1), self.exposures
        squares = self.cases @ np.arange(self.cases.shape[1]) ** 2
        spread = squares / np.maximum(size, 1) - self._mean**2
        return np.asarray(exposures * (size - exposures) * spread / np.maximum(size - 1, 1))

    @property
    def observed(self) -> int:
        return int((self.exposed @ np.arange(self.cases.shape[1])).sum())

    @property
    def _mean(self) -> Floats:
        sums = self.cases @ np.arange(self.cases.shape[1])
        return np.asarray(sums / np.maximum(self.cases.sum(axis=1), 1))

    @property
    def telling(self) -> StratumCounts:
        """Without the strata that cannot tell anything."""
        chosen = self.variance > 1e-12
        return StratumCounts(self.cases[chosen], self.exposed[chosen])

    def from_outcome(self, least: int) -> StratumCounts:
        """The same with two outcomes: whether it was ``least`` or a later one."""
        pairs = (
            np.stack([table[:, :least].sum(axis=1), table[:, least:].sum(axis=1)], axis=1)
            for table in self
        )
        return StratumCounts(*pairs)


def stratified_p(counts: StratumCounts) -> float:
    """The chance of outcomes so far towards the last one among the exposed cases, if these were
    like the others of their strata.

    With two outcomes the exact conditional test of a common odds ratio (Cochran 1954, Mantel and
    Haenszel 1959; exact: Mehta, Patel and Gray 1985); with more its extension by scores (Mantel
    1963). Exact up to `EXACT_BELOW` exposed cases, beyond that normal with a continuity correction.
    """
    from scipy import stats  # noqa: PLC0415  (slow to import)

    counts = counts.telling
    if not len(counts.cases):
        return 1.0
    if counts.exposures.sum() > EXACT_BELOW:
        excess = counts.observed - float(counts.expected.sum()) - 0.5
        return float(stats.norm.sf(excess / float(counts.variance.sum()) ** 0.5))
    weights = np.ones(1)
    for cases, exposures in zip(counts.cases, counts.exposures.tolist(), strict=True):
        weights = np.convolve(weights, _sum_of_outcomes(cases, exposures))
    return float(min(1.0, weights[counts.observed :].sum()))


def _sum_of_outcomes(cases: Counts, exposures: int) -> Floats:
    """The distribution of the sum of the outcomes of ``exposures`` of the ``cases``, drawn without
    replacement.

    Independent binomial counts of each outcome, under the condition that they are ``exposures``
    together, are multivariate hypergeometric.
    """
    from scipy import stats  # noqa: PLC0415  (slow to import)

    highest = exposures * (len(cases) - 1)
    joint = np.zeros((exposures + 1, highest + 1))
    joint[0, 0] = 1.0
    for outcome, number in enumerate(cases.tolist()):
        most = min(number, exposures)
        chances = stats.binom.pmf(np.arange(most + 1), number, exposures / int(cases.sum()))
        added = np.zeros_like(joint)
        for drawn, chance in enumerate(chances.tolist()):
            step = drawn * outcome
            if step <= highest:
                part = joint[: exposures + 1 - drawn, : highest + 1 - step]
                added[drawn:, step:] += chance * part
        joint = added
    return np.asarray(joint[exposures] / joint[exposures].sum())


class LogOdds(NamedTuple):
    """A log-odds ratio and its standard error."""

    value: float
    error: float

    @property
    def z(self) -> float:
        return self.value / self.error


def weighted_log_odds(counts: StratumCounts, prior: float) -> LogOdds:
    """How much likelier the outcome makes what is tested, as a log-odds ratio within strata, for
    ``counts`` of two outcomes.

    Per stratum the log-odds ratio with an informative Dirichlet prior (Monroe, Colaresi and Quinn
    2008, "Fightin' Words", equations 16 to 22): ``prior`` cases are added to each side, with the
    share that the tested thing has in the whole stratum, so that rare things are drawn to 0. The
    strata are joined by the inverse of the variances.
    """
    counts = counts.telling
    if not len(counts.cases):
        return LogOdds(0.0, float("inf"))
    without, with_outcome = counts.cases.T
    not_both, both = counts.exposed.T
    share = (counts.exposures + 0.5) / (counts.cases.sum(axis=1) + 1)
    uses, others = prior * share, prior * (1 - share)
    ratio = np.log((both + uses) / (with_outcome - both + others)) - np.log(
        (not_both + uses) / (without - not_both + others)
    )
    weight = 1 / (1 / (both + uses) + 1 / (not_both + uses))
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
