"""Our counters show what the library's would."""

from __future__ import annotations

import pytest
from prometheus_client import CollectorRegistry, Counter, generate_latest

from gateway.services.counts import Counts


def test_they_are_shown_like_the_librarys() -> None:
    """Counted alike: the same series with the same figures."""
    theirs, ours = CollectorRegistry(), CollectorRegistry()
    known = Counter("sent", "Sent", ["kind", "name"], registry=theirs)
    mine = Counts("sent", "Sent", ("kind", "name"))
    ours.register(mine)
    for figure in (known, mine):
        figure.labels("mail", "first").inc()
        figure.labels("mail", "first").inc()
        figure.labels("mail", 'a "quoted" one').inc()
    told = [line for line in generate_latest(theirs).splitlines() if b"_created" not in line]
    assert generate_latest(ours).splitlines() == told


def test_labels_are_not_forgotten() -> None:
    """A value too few is an error, and no series of its own."""
    mine = Counts("sent", "Sent", ("kind", "name"))
    with pytest.raises(ValueError, match="kind"):
        mine.labels("mail")


def test_a_name_is_taken_once() -> None:
    """Before anything was counted, too, another figure cannot have the name."""
    registry = CollectorRegistry()
    registry.register(Counts("sent", "Sent", ("kind",)))
    with pytest.raises(ValueError, match="Duplicated"):
        Counter("sent", "Sent", registry=registry)
