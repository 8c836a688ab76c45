"""Counters and histograms for Prometheus. Labels hold ids and names, never a customer's text."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from functools import cache, partial
from itertools import accumulate
from time import monotonic, perf_counter
from types import TracebackType
from typing import Generic, TypeVar

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Metric
from prometheus_client.metrics_core import CounterMetricFamily, HistogramMetricFamily
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString

SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
RECENT = 300.0
"""Seconds for which a plugin's failure shows in ``/readyz``."""
UNITS = (1, 2, 4, 8, 16, 32, 64)
Span = Callable[[str, str], AbstractContextManager[object]]
"""Opens a tracing span for a kind of work and a name."""


class LoopCounter:
    """A counter for the event loop alone. Another thread's `inc` might be lost."""

    __slots__ = ("value",)

    def __init__(self) -> None:
        self.value = 0

    def inc(self) -> None:
        self.value += 1

    def add_to(self, family: CounterMetricFamily, labels: Sequence[str]) -> None:
        family.add_metric(labels, self.value)


class LoopHistogram:
    """A histogram over `SECONDS`, for the event loop alone, as `LoopCounter`."""

    __slots__ = ("buckets", "sum")

    def __init__(self) -> None:
        self.buckets, self.sum = [0] * (len(SECONDS) + 1), 0.0

    def observe(self, amount: float) -> None:
        self.buckets[bisect_left(SECONDS, amount)] += 1
        self.sum += amount

    def add_to(self, family: HistogramMetricFamily, labels: Sequence[str]) -> None:
        bounds = map(floatToGoString, (*SECONDS, float("inf")))
        family.add_metric(
            labels, list(zip(bounds, accumulate(self.buckets), strict=True)), self.sum
        )


C = TypeVar("C", LoopCounter, LoopHistogram)


class LoopMetric(Collector, Generic[C]):
    """A metric with labels that is counted several times a turn, shown by prometheus_client
    (its page "Custom Collectors").

    The library's own children take a lock or two for each call. Even with the children cached,
    a turn spent 7.6 us on metrics and spends 2.0 us with these: 1 % of a turn, and 1.5 % of an
    accepted webhook. Which is why rarer metrics use the library's.
    """

    def __init__(
        self, family: Callable[[], Metric], labels: Sequence[str], new: Callable[[], C]
    ) -> None:
        self.label_names = tuple(labels)
        self._family = family
        self._new: Callable[[], C] = new
        self._children: dict[tuple[str, ...], C] = {}
        self.labels: Callable[..., C] = cache(self._child)
        """The child for these values, one for each label in order."""

    def describe(self) -> Iterable[Metric]:
        return (self._family(),)

    def collect(self) -> Iterable[Metric]:
        family = self._family()
        for values, child in self._children.items():
            child.add_to(family, values)  # type: ignore[arg-type]  # made for each other
        return (family,)

    def _child(self, *values: str) -> C:
        if len(values) != len(self.label_names):
            raise ValueError(f"the labels are {self.label_names}, not {values}")
        return self._children.setdefault(values, self._new())


class TallyMetric(Collector):
    """A counter whose values, by those of ``label``, something else keeps in `tally`."""

    def __init__(self, name: str, help_text: str, label: str) -> None:
        self.tally: Mapping[str, int] = {}
        self.label_names = (label,)
        self._family = partial(CounterMetricFamily, name, help_text, labels=[label])

    def describe(self) -> Iterable[Metric]:
        return (self._family(),)

    def collect(self) -> Iterable[Metric]:
        family = self._family()
        for value, count in dict(self.tally).items():
            family.add_metric((value,), count)
        return (family,)


class Metrics:
    """All metrics of one gateway, on a registry of its own."""

    def __init__(self) -> None:
        self.registry = registry = CollectorRegistry()
        self._failed_at: dict[str, float] = {}
        self.span: Span | None = None
        """Set when tracing is on: `measure` then opens a span too."""

        def counter(name: str, help_text: str) -> Counter:
            return Counter(f"warmline_{name}", help_text, registry=registry)

        def counters(name: str, help_text: str, *labels: str) -> LoopMetric[LoopCounter]:
            family = partial(CounterMetricFamily, f"warmline_{name}", help_text, labels=labels)
            metric = LoopMetric(family, labels, LoopCounter)
            registry.register(metric)
            return metric

        def gauges(name: str, help_text: str, *labels: str) -> Gauge:
            return Gauge(f"warmline_{name}", help_text, labels, registry=registry)

        def seconds(name: str, help_text: str, *labels: str) -> LoopMetric[LoopHistogram]:
            series = f"warmline_{name}_seconds"
            metric = LoopMetric(
                partial(HistogramMetricFamily, series, help_text, labels=labels),
                labels,
                LoopHistogram,
            )
            registry.register(metric)
            return metric

        self.accepted = counters("accepted", "Messages committed to the inbox", "channel")
        self.duplicates = counters("duplicates", "Deliveries of a known message", "channel")
        self.ignored = counters(
            "ignored", "What providers delivered and channels did not take", "channel", "why"
        )
        self.turns = counters(
            "turns", "Turns handled, by the action of their route", "channel", "action"
        )
        self.reasons = counters("reasons", "Reasons to step back", "code")
        self.dropped = counter("dropped", "Bot replies dropped because a person took over")
        self.failures = counters(
            "plugin_failures", "A plugin raised, hung or returned an invalid value", "plugin"
        )
        self.retries = counter("turn_retries", "Turns that failed and are retried")
        self.stuck = counter("stuck", "Messages given up after all attempts")
        self.sends = counters("sends", "Attempts to send, by outcome", "channel", "outcome")
        self.webhooks = counters(
            "webhooks", "Attempts to send webhooks, by outcome", "endpoint", "outcome"
        )
        self.refused = counters("refused_requests", "HTTP requests refused", "path", "status")
        self.shed = counters("pressed", "Messages refused because a limit was exceeded", "limit")
        self.turn_seconds = seconds("turn", "From the inbox commit to the turn's commit", "channel")
        self.request_seconds = seconds("request", "HTTP requests, by route", "method", "path")
        self.work_seconds = seconds("work", "One call of a plugin", "kind", "name")
        self.work_errors = counters("work_errors", "Calls of plugins that raised", "kind", "name")
        self.unreadable = TallyMetric(
            "warmline_unreadable_values", "Stored values that are damaged", "column"
        )
        registry.register(self.unreadable)
        self.commit_units = Histogram(
            "warmline_commit_units", "Jobs that shared one commit",
            buckets=UNITS, registry=registry,
        )  # fmt: skip
        self.lanes = gauges("lanes_waiting", "Conversations that wait for a worker", "stage")
        self.support_addresses = gauges(
            "support_address", "1 for each support address, by brand", "channel", "brand"
        )
        self.waiting = gauges("waiting_rows", "Rows of the database that wait", "queue")
        self.oldest = gauges("oldest_seconds", "Seconds that the oldest row has waited", "queue")

    def plugin_failed(self, name: str) -> None:
        """Count a failure of the plugin ``name``."""
        self.failures.labels(name).inc()
        self._failed_at[name] = monotonic()

    def failing_plugins(self) -> tuple[str, ...]:
        """The plugins that failed within the last `RECENT` seconds."""
        since = monotonic() - RECENT
        return tuple(sorted(name for name, at in self._failed_at.items() if at >= since))

    def measure(self, kind: str, name: str) -> MeasuredCall:
        """Measures the code within: its calls, duration and errors."""
        return MeasuredCall(self, kind, name)


class MeasuredCall:
    """One measured call; see `Metrics.measure`. A cancellation does not count as an error."""

    __slots__ = ("_began", "_kind", "_metrics", "_name", "_span")

    def __init__(self, metrics: Metrics, kind: str, name: str) -> None:
        self._metrics, self._kind, self._name = metrics, kind, name
        self._span: AbstractContextManager[object] | None = None

    def __enter__(self) -> None:
        if self._metrics.span is not None:
            self._span = self._metrics.span(self._kind, self._name)
            self._span.__enter__()
        self._began = perf_counter()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        took = perf_counter() - self._began
        self._metrics.work_seconds.labels(self._kind, self._name).observe(took)
        if isinstance(error, Exception):
            self._metrics.work_errors.labels(self._kind, self._name).inc()
        if self._span is not None:
            self._span.__exit__(kind, error, traceback)
