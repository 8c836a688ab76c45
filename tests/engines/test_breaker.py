"""An engine that keeps failing is skipped, tried now and then, and used again."""

from __future__ import annotations

import pytest

from gateway.support.backoff import CircuitBreaker


class Clock:
    def __init__(self) -> None:
        self.time = 100.0

    def __call__(self) -> float:
        return self.time


def opened(clock: Clock) -> CircuitBreaker:
    breaker = CircuitBreaker(failures=3, rest=10, most=35, now=clock)
    for _ in range(3):
        assert breaker.allows()
        breaker.failed()
    return breaker


def test_it_opens_after_failures_in_a_row() -> None:
    """A success in between restarts the count."""
    breaker = CircuitBreaker(failures=3, rest=10, now=Clock())
    for step in ("failed", "failed", "succeeded", "failed", "failed"):
        assert breaker.allows()
        getattr(breaker, step)()
    assert breaker.allows()
    assert breaker.failed() == 10
    assert not breaker.allows()


def test_one_probe_at_a_time() -> None:
    """After the pause one call is allowed, and no other until its outcome is known."""
    clock = Clock()
    breaker = opened(clock)
    clock.time += 9.9
    assert not breaker.allows()
    clock.time += 0.2
    assert breaker.allows()
    assert not breaker.allows()
    breaker.succeeded()
    assert not breaker.open
    assert breaker.allows()


def test_pauses_grow() -> None:
    """Each failed probe doubles the pause, up to a limit; a success resets it."""
    clock = Clock()
    breaker = opened(clock)
    pauses = []
    for _ in range(3):
        clock.time += 40
        assert breaker.allows()
        pauses.append(breaker.failed())
    assert pauses == [20, 35, 35]
    clock.time += 40
    assert breaker.allows()
    breaker.succeeded()
    assert [breaker.failed() for _ in range(3)] == [None, None, 10]


@pytest.mark.parametrize(("after", "pause"), [(25.0, 25.0), (0.0, 10.0), (9999.0, 35.0)])
def test_a_requested_pause_starts_at_once(after: float, pause: float) -> None:
    """It lasts as long as the engine asks, within the limits."""
    clock = Clock()
    breaker = CircuitBreaker(failures=3, rest=10, most=35, now=clock)
    assert breaker.allows()
    assert breaker.failed(after=after) == pause
    clock.time += pause - 0.1
    assert not breaker.allows()
    clock.time += 0.2
    assert breaker.allows()


def test_late_failures_do_not_extend_the_pause() -> None:
    """Nor does a call that began before it opened; one that succeeds ends the pause."""
    clock = Clock()
    breaker = opened(clock)
    assert breaker.failed() is None
    clock.time += 10.1
    assert breaker.allows()
    breaker.abandoned()
    assert breaker.allows()
    breaker.succeeded()
    assert breaker.allows()
