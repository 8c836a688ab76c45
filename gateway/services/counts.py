"""Counters with labels that are told something several times a turn.

The library's own take a lock, and ask themselves whether they may be told anything: six calls
where one does. These are counted in the event loop alone, and shown by the library
(prometheus_client, "Custom Collectors").
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import cache

from prometheus_client.metrics_core import CounterMetricFamily
from prometheus_client.registry import Collector


class Count:
    """What was counted under one set of labels."""

    __slots__ = ("value",)

    def __init__(self) -> None:
        self.value = 0

    def inc(self) -> None:
        """One more. Call it in the event loop: another thread's might be lost."""
        self.value += 1


class Counts(Collector):
    """A figure with labels: a `Count` for each set of them."""

    def __init__(self, name: str, help_text: str, labels: Sequence[str]) -> None:
        self.name, self.label_names = name, tuple(labels)
        self._help = help_text
        self._known: dict[tuple[str, ...], Count] = {}
        self.labels: Callable[..., Count] = cache(self._new)
        """That of these values, one for each of the names and in their order."""

    def describe(self) -> Iterable[CounterMetricFamily]:
        """For the registry: the name, before there is anything to show."""
        return (self._family(),)

    def collect(self) -> Iterable[CounterMetricFamily]:
        """For the registry: everything counted so far."""
        family = self._family()
        for values, count in self._known.items():
            family.add_metric(values, count.value)
        return (family,)

    def _new(self, *values: str) -> Count:
        if len(values) != len(self.label_names):
            raise ValueError(f"{self.name} has the labels {self.label_names}, not {values}")
        return self._known.setdefault(values, Count())

    def _family(self) -> CounterMetricFamily:
        return CounterMetricFamily(self.name, self._help, labels=self.label_names)
