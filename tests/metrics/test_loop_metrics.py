"""Metrics of the event loop show what prometheus_client's own would show."""

from __future__ import annotations

from functools import partial

import pytest
from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.metrics_core import CounterMetricFamily, HistogramMetricFamily

from gateway.runtime.metrics import SECONDS, LoopCounter, LoopHistogram, LoopMetric

LABELS = ("kind", "name")
AMOUNTS = (0.0, 0.001, 0.0011, 0.2, 1.0, 2.6, 30.0, 31.5)
VALUES = (("mail", "first"), ("mail", 'a "quoted" one'))


def _shown(registry: CollectorRegistry) -> list[bytes]:
    return [line for line in generate_latest(registry).splitlines() if b"_created" not in line]


def test_a_counter_is_shown_as_the_librarys() -> None:
    """The same increments give the same series."""
    library, loop = CollectorRegistry(), CollectorRegistry()
    theirs = Counter("sent", "Sent", LABELS, registry=library)
    ours = LoopMetric(
        partial(CounterMetricFamily, "sent", "Sent", labels=LABELS), LABELS, LoopCounter
    )
    loop.register(ours)
    for values in (*VALUES, *VALUES[:1]):
        theirs.labels(*values).inc()
        ours.labels(*values).inc()
    assert _shown(loop) == _shown(library)


def test_a_histogram_is_shown_as_the_librarys() -> None:
    """The same observations give the same series; a bound belongs to its bucket."""
    library, loop = CollectorRegistry(), CollectorRegistry()
    theirs = Histogram("took_seconds", "How long", LABELS, buckets=SECONDS, registry=library)
    family = partial(HistogramMetricFamily, "took_seconds", "How long", labels=LABELS)
    ours = LoopMetric(family, LABELS, LoopHistogram)
    loop.register(ours)
    for values in VALUES:
        for amount in AMOUNTS:
            theirs.labels(*values).observe(amount)
            ours.labels(*values).observe(amount)
    assert _shown(loop) == _shown(library)


def test_a_missing_label_is_an_error() -> None:
    """One value too few raises, and adds no series."""
    family = partial(CounterMetricFamily, "sent", "Sent", labels=LABELS)
    metric = LoopMetric(family, LABELS, LoopCounter)
    with pytest.raises(ValueError, match="kind"):
        metric.labels("mail")
    assert not next(iter(metric.collect())).samples


def test_a_name_is_registered_once() -> None:
    """Another metric cannot have the name, even before anything is counted."""
    registry = CollectorRegistry()
    family = partial(CounterMetricFamily, "sent", "Sent", labels=LABELS)
    registry.register(LoopMetric(family, LABELS, LoopCounter))
    with pytest.raises(ValueError, match="Duplicated"):
        Counter("sent", "Sent", registry=registry)
