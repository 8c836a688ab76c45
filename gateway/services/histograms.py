"""Histograms that are told something several times a turn.

The library's own take a lock for the bucket and one for the sum, and look for the bucket from the
first on: six times the cost of these, and a turn tells six. These are counted in the event loop
alone, and shown by the library (prometheus_client, "Custom Collectors").
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Sequence
from functools import cache
from itertools import accumulate

from prometheus_client.metrics_core import HistogramMetricFamily
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString

ENDLESS = float("inf")


class Histogram:
    """What was observed under one set of labels; ``bounds`` are the buckets' upper ones."""

    __slots__ = ("_bounds", "_counts", "_sum")

    def __init__(self, bounds: Sequence[float]) -> None:
        self._bounds = tuple(bounds)
        self._counts = [0] * (len(self._bounds) + 1)
        self._sum = 0.0

    def observe(self, amount: float) -> None:
        """Call it in the event loop: another thread's might be lost."""
        self._counts[bisect_left(self._bounds, amount)] += 1
        self._sum += amount

    def tell(self, family: HistogramMetricFamily, labels: Sequence[str]) -> None:
        """Add what was observed so far to ``family``."""
        upper = map(floatToGoString, (*self._bounds, ENDLESS))
        buckets = list(zip(upper, accumulate(self._counts), strict=True))
        family.add_metric(labels, buckets, self._sum)


class Histograms(Collector):
    """A figure with labels: a `Histogram` for each set of them."""

    def __init__(
        self, name: str, help_text: str, labels: Sequence[str], *, bounds: Sequence[float]
    ) -> None:
        self.name, self.label_names = name, tuple(labels)
        self._help, self._bounds = help_text, bounds
        self._known: dict[tuple[str, ...], Histogram] = {}
        self.labels: Callable[..., Histogram] = cache(self._new)
        """That of these values, one for each of the names and in their order."""

    def describe(self) -> Iterable[HistogramMetricFamily]:
        """For the registry: the name, before there is anything to show."""
        return (self._family(),)

    def collect(self) -> Iterable[HistogramMetricFamily]:
        """For the registry: everything observed so far."""
        family = self._family()
        for values, histogram in self._known.items():
            histogram.tell(family, values)
        return (family,)

    def _new(self, *values: str) -> Histogram:
        if len(values) != len(self.label_names):
            raise ValueError(f"{self.name} has the labels {self.label_names}, not {values}")
        return self._known.setdefault(values, Histogram(self._bounds))

    def _family(self) -> HistogramMetricFamily:
        return HistogramMetricFamily(self.name, self._help, labels=self.label_names)
