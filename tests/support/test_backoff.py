"""How long a retry loop waits, and how long work rests."""

from __future__ import annotations

from time import perf_counter

import pytest

from gateway import Backoff, Pace, backoff


def test_each_failure_doubles_the_wait_up_to_the_most() -> None:
    """And a success begins anew."""
    waits = Backoff(first=1.0, most=5.0)
    assert [waits.next() for _ in range(4)] == [1.0, 2.0, 4.0, 5.0]
    waits.reset()
    assert waits.next() == 1.0


def test_the_wait_is_never_shorter_than_the_provider_asks() -> None:
    """Even beyond the most; a shorter request changes nothing."""
    waits = Backoff(first=4.0, most=5.0)
    assert waits.next(after=90.0) == 90.0
    assert waits.next(after=1.0) == 5.0


def test_a_loop_that_fails_for_weeks_does_not_overflow() -> None:
    """2.0 ** 1024 would."""
    assert backoff(5000, 1.0, 60.0) == 60.0


@pytest.mark.parametrize(("jitter", "shortest"), [(1.0, 0.5), (0.5, 4.0)])
def test_jitter_spreads_the_wait(jitter: float, shortest: float) -> None:
    """Full jitter: down to half a second; half: down to half of the wait."""
    waits = {backoff(4, 1.0, 60.0, jitter=jitter) for _ in range(200)}
    assert len(waits) > 100
    assert min(waits) >= shortest
    assert max(waits) <= 8.0


def test_jitter_respects_a_wait_below_half_a_second() -> None:
    """Where the most is less, that is the wait."""
    assert backoff(1, 0.1, 0.1, jitter=1.0) == 0.1


async def test_long_work_rests_as_many_times_as_long_as_it_took() -> None:
    pace = Pace(times=4.0)
    begun = perf_counter()
    while perf_counter() - begun < 0.005:
        pass
    worked = perf_counter() - begun
    await pace.rest()
    rested = perf_counter()

    await pace.rest()

    assert rested - begun >= 5 * worked
    assert perf_counter() - rested < worked  # nothing was done since
