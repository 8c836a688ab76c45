"""Shares with intervals, and whether two of the same rows differ. scipy does the arithmetic."""

from __future__ import annotations

from collections.abc import Sequence

from plugins.insights.learning.model import PairedComparison
from plugins.insights.model import Figure

SIGNIFICANT = 0.05


def rate(yes: int, number: int, least: int) -> Figure:
    """A share with its interval, as the measures have it."""
    from plugins.insights.measures import statistics  # noqa: PLC0415  (loads numpy)

    return statistics.rate(yes, number, least)


def mcnemar(gained: int, lost: int) -> float | None:
    """How probable a change so one-sided is when nothing really changed: the exact McNemar test,
    which is a sign test of the rows that changed (McNemar 1947). None when none did."""
    if gained + lost == 0:
        return None
    from scipy.stats import binomtest  # noqa: PLC0415  (slow to import)

    return float(binomtest(gained, gained + lost, 0.5).pvalue)


def paired(
    group: str, measure: str, before: Sequence[bool], after: Sequence[bool], *, least: int
) -> PairedComparison:
    """Compare a yes-or-no measure of the same rows before and after."""
    gained = sum(now and not then for then, now in zip(before, after, strict=True))
    lost = sum(then and not now for then, now in zip(before, after, strict=True))
    return PairedComparison(
        group=group,
        measure=measure,
        before=rate(sum(before), len(before), least),
        after=rate(sum(after), len(after), least),
        gained=gained,
        lost=lost,
        p_value=mcnemar(gained, lost),
    )


def is_certain(comparison: PairedComparison) -> bool:
    """Whether so many rows changed in one direction that chance does not explain it."""
    return comparison.p_value is not None and comparison.p_value < SIGNIFICANT
