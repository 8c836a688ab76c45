"""Counters and histograms for Prometheus. Labels hold ids and names, never a customer's text."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cache
from time import perf_counter
from types import TracebackType
from typing import Generic, TypeVar

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    disable_created_metrics,
)

SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
UNITS = (1, 2, 4, 8, 16, 32, 64)
Span = Callable[[str, str], AbstractContextManager[object]]
"""Opens a tracing span for a kind of work and a name."""
M = TypeVar("M")


@dataclass(frozen=True, slots=True)
class Labelled(Generic[M]):
    """A metric with labels: ``labels(*values)`` returns the child for these values.

    Children are cached: a lookup in prometheus_client takes a lock, and three times as long as
    counting.
    """

    labels: Callable[..., M]


class Metrics:
    """All metrics of one gateway, on a registry of its own."""

    def __init__(self) -> None:
        # The `_created` series would double their number, and nobody reads them.
        disable_created_metrics()  # type: ignore[no-untyped-call]  # not annotated there
        self.registry = registry = CollectorRegistry()
        self.span: Span | None = None
        """Set when tracing is on: `measure` then opens a span too."""

        def counter(name: str, help_text: str) -> Counter:
            return Counter(f"warmline_{name}", help_text, registry=registry)

        def counters(name: str, help_text: str, *labels: str) -> Labelled[Counter]:
            metric = Counter(f"warmline_{name}", help_text, labels, registry=registry)
            return Labelled(cache(metric.labels))

        def gauges(name: str, help_text: str, *labels: str) -> Gauge:
            return Gauge(f"warmline_{name}", help_text, labels, registry=registry)

        def seconds(name: str, help_text: str, *labels: str) -> Labelled[Histogram]:
            metric = Histogram(
                f"warmline_{name}_seconds", help_text, labels, buckets=SECONDS, registry=registry
            )
            return Labelled(cache(metric.labels))

        self.accepted = counters("accepted", "Messages committed to the inbox", "channel")
        self.duplicates = counters("duplicates", "Deliveries of a known message", "channel")
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
        self.commit_units = Histogram(
            "warmline_commit_units", "Jobs that shared one commit",
            buckets=UNITS, registry=registry,
        )  # fmt: skip
        self.lanes = gauges("lanes_waiting", "Conversations that wait for a worker", "stage")
        self.waiting = gauges("waiting_rows", "Rows of the database that wait", "queue")
        self.oldest = gauges("oldest_seconds", "Seconds that the oldest row has waited", "queue")

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
