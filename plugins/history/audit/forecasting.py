"""From what was to what will be: figures with intervals, and the next month.

A share of the next month is forecast from the months before. Its interval has three parts: what is
not known of the share (the matters seen), how the next month falls out (the matters to come), and
how much months differ from one another. The predictive distribution of the count is beta-binomial,
with Jeffreys' prior (Brown, Cai and DasGupta 2001). Shares of what was seen have Wilson's interval
(1927). Customers who write often count less for each time, by the design effect (Kish 1965).
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from plugins.history.audit.model import Estimate

MONTH = timedelta(days=30)
CONFIDENCE = 0.95
ENOUGH = 30
"""Matters on which a figure must rest, to be relied on."""
LEAST_MONTHS = 3
"""Months before their differences can be told."""
PRIOR_MONTHS = 4.0
"""How many months of our own experience the spread between months begins with: three shares alone
say little about a spread."""
PRIOR_SPREAD = 0.03
"""That spread: one standard deviation of a share, from month to month. Ours."""


class Seen(NamedTuple):
    """One matter: whether it has the property, whose it is, and when it was."""

    yes: bool
    customer: int
    at: datetime


def share(seen: Sequence[Seen]) -> Estimate:
    """The share of what was seen, with its interval."""
    number = len(seen)
    if not number:
        return Estimate(value=0.0, low=0.0, high=1.0, n=0, enough=False)
    value = sum(each.yes for each in seen) / number
    low, high = _wilson(value, number / design_effect(seen))
    return Estimate(value=value, low=low, high=high, n=number, enough=number >= ENOUGH)


def next_share(seen: Sequence[Seen], coming: int | None = None) -> Estimate:
    """The share in a month with ``coming`` matters (None: as many as in a month till now)."""
    number = len(seen)
    if not number:
        return share(seen)
    months = by_month(seen)
    coming = coming or max(1, round(number / max(1, len(months))))
    value = sum(each.yes for each in seen) / number
    effect = design_effect(seen)
    drawn = (sum(each.yes for each in seen) + 0.5) / (number + 1)
    chance = drawn * (1 - drawn)
    variance = chance * effect / number
    variance += spread(months, value) ** 2 * (1 + 1 / max(1, len(months)))
    low, high = _predicted(drawn, chance / variance, coming)
    return Estimate(value=value, low=low, high=high, n=number, enough=number >= ENOUGH)


def by_month(seen: Sequence[Seen]) -> list[list[Seen]]:
    """What was seen in each 30 days, counted back from the last; an incomplete first month is left
    out if there are others."""
    if not seen:
        return []
    end = max(each.at for each in seen)
    months: dict[int, list[Seen]] = defaultdict(list)
    for each in seen:
        months[int((end - each.at) / MONTH)].append(each)
    first = min(each.at for each in seen)
    last = max(months)
    if last and (end - first) / MONTH - last < 0.5:
        months.pop(last)
    return [months[at] for at in sorted(months, reverse=True)]


def design_effect(seen: Sequence[Seen]) -> float:
    """How much less is known because customers come more than once: 1 when each came once."""
    number = len(seen)
    value = sum(each.yes for each in seen) / number if number else 0.0
    if number < 2 or not 0 < value < 1:
        return 1.0
    residuals: dict[int, float] = defaultdict(float)
    for each in seen:
        residuals[each.customer] += each.yes - value
    clustered = sum(each * each for each in residuals.values())
    return max(1.0, clustered / (number * value * (1 - value)))


def spread(months: Sequence[Sequence[Seen]], value: float) -> float:
    """The standard deviation of the share between months, beyond chance: what the months show, with
    our own experience for so many months (`PRIOR_MONTHS`) before them."""
    prior = PRIOR_SPREAD * 2 * math.sqrt(max(value, 0.005) * (1 - min(value, 0.995)))
    sized = [month for month in months if month]
    if len(sized) < LEAST_MONTHS:
        return prior
    shares = [sum(each.yes for each in month) / len(month) for month in sized]
    mean = sum(shares) / len(shares)
    observed = sum((each - mean) ** 2 for each in shares) / (len(shares) - 1)
    chance = sum(value * (1 - value) / len(month) for month in sized) / len(sized)
    beyond = max(0.0, observed - chance)
    degrees = len(shares) - 1
    return math.sqrt((PRIOR_MONTHS * prior**2 + degrees * beyond) / (PRIOR_MONTHS + degrees))


def _predicted(value: float, known: float, coming: int) -> tuple[float, float]:
    """The central 95 % of the share in ``coming`` matters, when the share itself is known as from
    ``known`` matters: quantiles of the beta-binomial distribution."""
    from scipy.stats import betabinom  # noqa: PLC0415  (slow to import)

    tail = (1 - CONFIDENCE) / 2
    counts = betabinom(coming, value * known, (1 - value) * known)
    return float(counts.ppf(tail)) / coming, float(counts.ppf(1 - tail)) / coming


def _wilson(value: float, number: float) -> tuple[float, float]:
    """Wilson's interval for ``number`` matters, which need not be whole."""
    from scipy.stats import norm  # noqa: PLC0415  (slow to import)

    z = float(norm.ppf((1 + CONFIDENCE) / 2))
    middle = (value + z * z / (2 * number)) / (1 + z * z / number)
    half = z * math.sqrt(value * (1 - value) / number + z * z / (4 * number * number))
    half /= 1 + z * z / number
    return max(0.0, middle - half), min(1.0, middle + half)
