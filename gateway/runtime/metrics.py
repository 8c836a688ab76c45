"""Counters and histograms for Prometheus. Labels hold ids and names, never a customer's words."""

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


M = TypeVar("M")


@dataclass(frozen=True, slots=True)
class Labelled(Generic[M]):
    """A metric with labels: ``labels(*values)`` gives the child for these values.

    The children are kept: looking one up in prometheus_client takes a lock and three times as
    long as counting does.
    """

    labels: Callable[..., M]


class Metrics:
    """All figures of one gateway, on a registry of its own."""

    def __init__(self) -> None:
        # They double the series, for times that nobody asks for.
        disable_created_metrics()  # type: ignore[no-untyped-call]  # not annotated there
        self.registry = registry = CollectorRegistry()
        self.span: Span | None = None
        """Where the work is traced too; see `working`."""

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
        self.turns = counters("turns", "Turns handled, by what was decided", "channel", "action")
        self.reasons = counters("reasons", "Reasons to step back", "code")
        self.dropped = counter("dropped", "Bot replies dropped because a person took over")
        self.failures = counters("plugin_failures", "A plugin raised, hung or was wrong", "plugin")
        self.retries = counter("turn_retries", "Turns that failed and are tried again")
        self.stuck = counter("stuck", "Messages given up after all attempts")
        self.sends = counters("sends", "Attempts to send, by outcome", "channel", "outcome")
        self.webhooks = counters("webhooks", "Attempts to tell others", "endpoint", "outcome")
        self.refused = counters("refused_requests", "HTTP requests refused", "path", "status")
        self.pressed = counters("pressed", "Messages sent back because too much waits", "limit")
        self.turn_seconds = seconds("turn", "From the inbox commit to the turn's commit", "channel")
        self.request_seconds = seconds("request", "HTTP requests, by route", "method", "path")
        self.work_seconds = seconds("work", "One piece of work of a guest", "kind", "name")
        self.work_errors = counters("work_errors", "Pieces of work that raised", "kind", "name")
        self.commit_units = Histogram(
            "warmline_commit_units", "Units that shared one commit",
            buckets=UNITS, registry=registry,
        )  # fmt: skip
        self.lanes = gauges("lanes_waiting", "Conversations that wait for a worker", "stage")
        self.waiting = gauges("waiting_rows", "Rows of the database that wait", "queue")
        self.oldest = gauges("oldest_seconds", "How long the oldest row has waited", "queue")

    def working(self, kind: str, name: str) -> MeasuredWork:
        """Measures what runs within it: how often, how long, how often it raised."""
        return MeasuredWork(self, kind, name)


class MeasuredWork:
    """One piece of work; see `Metrics.working`. Being cancelled is no error of its own."""

    __slots__ = ("_begun", "_kind", "_metrics", "_name", "_span")

    def __init__(self, metrics: Metrics, kind: str, name: str) -> None:
        self._metrics, self._kind, self._name = metrics, kind, name
        self._span: AbstractContextManager[object] | None = None

    def __enter__(self) -> None:
        if self._metrics.span is not None:
            self._span = self._metrics.span(self._kind, self._name)
            self._span.__enter__()
        self._begun = perf_counter()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        took = perf_counter() - self._begun
        self._metrics.work_seconds.labels(self._kind, self._name).observe(took)
        if isinstance(error, Exception):
            self._metrics.work_errors.labels(self._kind, self._name).inc()
        if self._span is not None:
            self._span.__exit__(kind, error, traceback)
