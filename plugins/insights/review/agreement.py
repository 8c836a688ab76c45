"""How far reviewers agree beyond chance: Gwet's AC1 with its interval.

Gwet, K. L. (2008), "Computing inter-rater reliability and its variance in the presence of high
agreement", British Journal of Mathematical and Statistical Psychology 61, 29-48. Unlike Cohen's
kappa it does not fall when almost all answers are right, which is what reviews mostly say. Items
are not weighted: the figure is about reviewers, and those who are asked twice are drawn by chance.
"""

from __future__ import annotations

from collections.abc import Collection, Hashable, Sequence

from plugins.insights.model import Figure

LEAST_DOUBLE = 50
"""Below so many items with two judgements, AC1 is grey."""


def ac1(
    ratings: Sequence[Sequence[Hashable]],
    categories: Collection[Hashable] = (),
    *,
    least: int = LEAST_DOUBLE,
) -> Figure:
    """Gwet's AC1 of ``ratings``: for each item, one category of each person who judged it.

    ``categories`` are all that could be chosen; those that were chosen are added. Items with one
    judgement count for the shares of the categories, not for agreement, and ``n`` counts those
    with two or more. The interval is that of Student's t with n - 1 degrees of freedom and
    the linearised variance over items, within -1 to 1. With only one category, or fewer than two
    items with two judgements, there is no value.
    """
    import numpy as np  # noqa: PLC0415  (slow to load, and only figures need it)
    from scipy import stats  # noqa: PLC0415

    chosen = list(dict.fromkeys([*categories, *(rating for item in ratings for rating in item)]))
    judged = [item for item in ratings if item]
    n, paired = len(judged), sum(len(item) > 1 for item in judged)
    if len(chosen) < 2 or paired < 2:
        return Figure(value=None, low=None, high=None, n=paired, enough=False)
    counts = np.array([[item.count(category) for category in chosen] for item in map(list, judged)])
    raters = counts.sum(axis=1)
    shares = counts / raters[:, None]
    prevalence = shares.mean(axis=0)
    several = raters > 1
    pairs = np.where(several, raters * (raters - 1), 1)
    agreed = (counts * (counts - 1)).sum(axis=1) / pairs
    by_chance = (prevalence * (1 - prevalence)).sum() / (len(chosen) - 1)
    observed = agreed[several].mean()
    value = (observed - by_chance) / (1 - by_chance)
    # The value as a mean over items, linearised: each item's own agreement and its own part in the
    # agreement by chance.
    own = np.where(several, n / paired * (agreed - by_chance) / (1 - by_chance), 0.0)
    own_chance = (shares * (1 - prevalence)).sum(axis=1) / (len(chosen) - 1)
    own = own - 2 * (1 - value) * (own_chance - by_chance) / (1 - by_chance)
    error = float(np.sqrt(((own - value) ** 2).sum() / (n * (n - 1))))
    reach = float(stats.t.ppf(0.975, n - 1)) * error
    return Figure(
        value=float(value),
        low=max(-1.0, float(value) - reach),
        high=min(1.0, float(value) + reach),
        n=paired,
        enough=paired >= least,
    )
