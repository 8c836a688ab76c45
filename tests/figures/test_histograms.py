"""Our histograms show what the library's would."""

from __future__ import annotations

import pytest
from prometheus_client import CollectorRegistry, Histogram, generate_latest

from gateway.services.histograms import Histograms

BOUNDS = (0.001, 0.25, 1, 30)
SEEN = (0.0, 0.001, 0.0011, 0.2, 1.0, 2.5, 30.0, 31.5)


def test_they_are_shown_like_the_librarys() -> None:
    """Of the same observations: the same series with the same figures; a bound belongs to its
    bucket."""
    theirs, ours = CollectorRegistry(), CollectorRegistry()
    known = Histogram("took_seconds", "How long", ["kind", "name"], buckets=BOUNDS, registry=theirs)
    mine = Histograms("took_seconds", "How long", ("kind", "name"), bounds=BOUNDS)
    ours.register(mine)
    for figure in (known, mine):
        for amount in SEEN:
            figure.labels("handler", "faq").observe(amount)
        figure.labels("channel", 'a "quoted" one').observe(0.5)
    told = [line for line in generate_latest(theirs).splitlines() if b"_created" not in line]
    assert generate_latest(ours).splitlines() == told


def test_labels_are_not_forgotten() -> None:
    """A value too few is an error, and no series of its own."""
    mine = Histograms("took_seconds", "How long", ("kind", "name"), bounds=BOUNDS)
    with pytest.raises(ValueError, match="kind"):
        mine.labels("handler")


def test_a_name_is_taken_once() -> None:
    """Before anything was observed, too, another figure cannot have the name."""
    registry = CollectorRegistry()
    registry.register(Histograms("took_seconds", "How long", ("kind",), bounds=BOUNDS))
    with pytest.raises(ValueError, match="Duplicated"):
        Histogram("took_seconds", "How long", registry=registry)
