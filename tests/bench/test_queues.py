"""The simulation of `make bench PARTS=capacity` against what queueing theory knows exactly."""

from __future__ import annotations

from math import exp, factorial
from statistics import mean

import pytest

from tests.bench.capacity.queues import (
    Station,
    Visit,
    constant,
    loads,
    quantile,
    simulate,
)

MESSAGES = 20_000


def _erlang_c(servers: int, load: float) -> float:
    """The share of those who wait at all in M/M/c; ``load`` in servers (Erlang)."""
    most = load**servers / factorial(servers) * servers / (servers - load)
    return most / (sum(load**n / factorial(n) for n in range(servers)) + most)


@pytest.mark.parametrize(("servers", "rate"), [(1, 7.0), (2, 14.0), (8, 64.0)])
def test_several_servers(servers: int, rate: float) -> None:
    """M/M/c: mean wait and busy share are Erlang's, within what chance leaves open."""
    stations, plan = {"desk": Station(servers=servers)}, [Visit("desk", 0.1)]
    flow = simulate(stations, plan, rate=rate, messages=MESSAGES)
    load = rate * 0.1
    assert mean(flow.waits) == pytest.approx(
        _erlang_c(servers, load) * 0.1 / (servers - load), rel=0.12
    )
    assert flow.busy["desk"] == pytest.approx(load / servers, rel=0.03)
    assert loads(stations, plan, rate)["desk"] == pytest.approx(load / servers)


def test_the_slowest_hundredth() -> None:
    """M/M/1: the time from coming to going is exponential, and so are its quantiles."""
    flow = simulate({"desk": Station()}, [Visit("desk", 0.1)], rate=7.0, messages=3 * MESSAGES)
    for share in (0.5, 0.99):
        [exact] = [t / 1000 for t in range(1, 20_000) if 1 - exp(-3.0 * t / 1000) >= share][:1]
        assert quantile(flow.takes, share) == pytest.approx(exact, rel=0.12)


def test_times_that_are_all_the_same() -> None:
    """M/D/1: half the wait of M/M/1."""
    stations = {"desk": Station(draw=constant)}
    flow = simulate(stations, [Visit("desk", 0.1)], rate=7.0, messages=MESSAGES)
    assert mean(flow.waits) == pytest.approx(0.7 * 0.1 / (2 * 0.3), rel=0.1)


def test_one_after_the_other() -> None:
    """Jackson: two stations wait as each would alone, also where one is visited twice."""
    stations = {"a": Station(), "b": Station()}
    plan = [Visit("a", 0.05), Visit("b", 0.1), Visit("a", 0.05)]
    flow = simulate(stations, plan, rate=6.0, messages=MESSAGES)
    assert flow.busy == pytest.approx({"a": 0.6, "b": 0.6}, rel=0.04)
    alone = 0.6 * 0.1 / 0.4 + 2 * 0.6 * 0.05 / 0.4
    assert mean(flow.waits) == pytest.approx(alone, rel=0.15)


def test_a_flush_serves_all_who_wait() -> None:
    """Ten times what one by one could be done goes through, each waits for less than one flush
    more, and with groups of one nothing is won."""
    many = {"disk": Station(together=64, draw=constant)}
    plan = [Visit("disk", 0.01)]
    flow = simulate(many, plan, rate=1000.0, messages=MESSAGES)
    assert 0.95 < flow.busy["disk"] <= 1.0
    assert quantile(flow.waits, 1.0) <= 0.01 + 1e-9
    assert mean(flow.waits) == pytest.approx(0.005, rel=0.1)
    assert loads(many, plan, 1000.0)["disk"] == pytest.approx(10 / 64)


def test_the_same_dice() -> None:
    """A seed gives the same figures again."""
    one, two = (
        simulate({"a": Station()}, [Visit("a", 0.1)], rate=5.0, messages=500) for _ in range(2)
    )
    assert one == two


@pytest.mark.parametrize(
    ("values", "share", "found"),
    [([1.0], 0.99, 1.0), (range(1, 101), 0.5, 50), (range(1, 101), 0.99, 99),
     ([3.0, 4.0], 1.0, 4.0), (range(1, 1001), 0.999, 999), ([1.0, 2.0, 3.0], 0.0, 1.0)],
)  # fmt: skip
def test_quantiles(values: list[float], share: float, found: float) -> None:
    """The nearest rank."""
    assert quantile(list(values), share) == found
