"""Counters and histograms, in Prometheus' terms; ids and names only, never a customer's words."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Generic, TypeVar

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

M = TypeVar("M", Counter, Gauge, Histogram)


class Labelled(Generic[M]):
    """A figure with labels; its parts are remembered, as the library looks each up under a lock."""

    def __init__(self, figure: M) -> None:
        self.labels: Callable[..., M] = cache(figure.labels)


class Metrics:
    """All figures of one gateway, on a registry of its own."""

    def __init__(self) -> None:
        self.registry = registry = CollectorRegistry()

        def counter(name: str, help_text: str) -> Counter:
            return Counter(f"warmline_{name}", help_text, registry=registry)

        def counters(name: str, help_text: str, *labels: str) -> Labelled[Counter]:
            return Labelled(Counter(f"warmline_{name}", help_text, labels, registry=registry))

        self.accepted = counters("accepted", "Messages committed to the inbox", "channel")
        self.duplicates = counters("duplicates", "Deliveries of a known message", "channel")
        self.turns = counters("turns", "Turns handled, by what was decided", "channel", "action")
        self.reasons = counters("reasons", "Reasons to step back", "code")
        self.dropped = counter("dropped", "Bot replies dropped because a person took over")
        self.failures = counters("plugin_failures", "A plugin raised, hung or was wrong", "plugin")
        self.retries = counter("turn_retries", "Turns that failed and are tried again")
        self.stuck = counter("stuck", "Messages given up after all attempts")
        self.sends = counters("sends", "Attempts to send, by outcome", "channel", "outcome")
        self.refused = counters("refused_requests", "HTTP requests refused", "path", "status")
        self.turn_seconds = Histogram(
            "warmline_turn_seconds", "From the inbox commit to the turn's commit",
            buckets=(0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30), registry=registry,
        )  # fmt: skip
        self.lanes = Gauge(
            "warmline_lanes_waiting", "Conversations that wait for a worker", ("stage",),
            registry=registry,
        )  # fmt: skip
