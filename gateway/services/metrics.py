"""Counters and histograms, in Prometheus' terms; ids and names only, never a customer's words."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram


class Metrics:
    """All figures of one gateway, on a registry of its own."""

    def __init__(self) -> None:
        self.registry = registry = CollectorRegistry()

        def counter(name: str, help_text: str, *labels: str) -> Counter:
            return Counter(f"warmline_{name}", help_text, labels, registry=registry)

        self.accepted = counter("accepted", "Messages committed to the inbox", "channel")
        self.duplicates = counter("duplicates", "Deliveries of a known message", "channel")
        self.turns = counter("turns", "Turns handled, by what was decided", "channel", "action")
        self.reasons = counter("reasons", "Reasons to step back", "code")
        self.dropped = counter("dropped", "Bot replies dropped because a person took over")
        self.failures = counter("plugin_failures", "A plugin raised, hung or was wrong", "plugin")
        self.retries = counter("turn_retries", "Turns that failed and are tried again")
        self.stuck = counter("stuck", "Messages given up after all attempts")
        self.sends = counter("sends", "Attempts to send, by outcome", "channel", "outcome")
        self.refused = counter("refused_requests", "HTTP requests refused", "path", "status")
        self.turn_seconds = Histogram(
            "warmline_turn_seconds", "From the inbox commit to the turn's commit",
            buckets=(0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30), registry=registry,
        )  # fmt: skip
        self.lanes = Gauge(
            "warmline_lanes_waiting", "Conversations that wait for a worker", ("stage",),
            registry=registry,
        )  # fmt: skip
