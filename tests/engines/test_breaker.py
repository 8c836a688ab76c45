"""Who fails again and again is left alone, asked once in a while, and believed again."""

from __future__ import annotations

import pytest

from gateway.runtime.breaker import CircuitBreaker


class Watch:
    def __init__(self) -> None:
        self.time = 100.0

    def __call__(self) -> float:
        return self.time


def opened(watch: Watch) -> CircuitBreaker:
    breaker = CircuitBreaker(failures=3, rest=10, most=35, now=watch)
    for _ in range(3):
        assert breaker.allows()
        breaker.failed()
    return breaker


def test_it_opens_after_failures_in_a_row() -> None:
    """A success between failures begins the count anew."""
    breaker = CircuitBreaker(failures=3, rest=10, now=Watch())
    for step in ("failed", "failed", "succeeded", "failed", "failed"):
        assert breaker.allows()
        getattr(breaker, step)()
    assert breaker.allows()
    assert breaker.failed() == 10
    assert not breaker.allows()


def test_one_probe_at_a_time() -> None:
    """After the rest one call is let through and no other until it is known how it went."""
    watch = Watch()
    breaker = opened(watch)
    watch.time += 9.9
    assert not breaker.allows()
    watch.time += 0.2
    assert breaker.allows()
    assert not breaker.allows()
    breaker.succeeded()
    assert not breaker.open
    assert breaker.allows()


def test_rests_grow() -> None:
    """Each probe that fails doubles the rest, to a bound; a success begins at the start."""
    watch = Watch()
    breaker = opened(watch)
    rests = []
    for _ in range(3):
        watch.time += 40
        assert breaker.allows()
        rests.append(breaker.failed())
    assert rests == [20, 35, 35]
    watch.time += 40
    assert breaker.allows()
    breaker.succeeded()
    assert [breaker.failed() for _ in range(3)] == [None, None, 10]


@pytest.mark.parametrize(("after", "rest"), [(25.0, 25.0), (0.0, 10.0), (9999.0, 35.0)])
def test_asked_to_wait(after: float, rest: float) -> None:
    """Who says how long to wait is left alone at once, that long, within the bounds."""
    watch = Watch()
    breaker = CircuitBreaker(failures=3, rest=10, most=35, now=watch)
    assert breaker.allows()
    assert breaker.failed(after=after) == rest
    watch.time += rest - 0.1
    assert not breaker.allows()
    watch.time += 0.2
    assert breaker.allows()


def test_late_failures_change_nothing() -> None:
    """Calls begun before it opened do not make the rest longer; one that went well ends it."""
    watch = Watch()
    breaker = opened(watch)
    assert breaker.failed() is None
    watch.time += 10.1
    assert breaker.allows()
    breaker.abandoned()
    assert breaker.allows()
    breaker.succeeded()
    assert breaker.allows()
