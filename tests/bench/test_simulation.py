"""The simulation of `make bench PARTS=capacity` agrees with exact results of queueing theory."""

from __future__ import annotations

from math import exp, factorial
from statistics import mean

import pytest

from tests.bench.capacity.simulation import (
    Station,
    Visit,
    constant,
    loads,
    quantile,
    simulate,
)

MESSAGES = 20_000


def _erlang_c(servers: int, load: float) -> float:
    """The probability of waiting in M/M/c (Erlang C); ``load`` in servers."""
    most = load**servers / factorial(servers) * servers / (servers - load)
    return most / (sum(load**n / factorial(n) for n in range(servers)) + most)


@pytest.mark.parametrize(("servers", "rate"), [(1, 7.0), (2, 14.0), (8, 64.0)])
def test_several_servers_agree_with_erlang(servers: int, rate: float) -> None:
    """M/M/c: mean waiting time and load, within chance."""
    stations, plan = {"desk": Station(servers=servers)}, [Visit("desk", 0.1)]
    flow = simulate(stations, plan, rate=rate, messages=MESSAGES)
    load = rate * 0.1
    assert mean(flow.waits) == pytest.approx(
        _erlang_c(servers, load) * 0.1 / (servers - load), rel=0.12
    )
    assert flow.busy["desk"] == pytest.approx(load / servers, rel=0.03)
    assert loads(stations, plan, rate)["desk"] == pytest.approx(load / servers)


def test_quantiles_agree_with_the_exponential_distribution() -> None:
    """M/M/1: the time from arrival to departure is exponential."""
    flow = simulate({"desk": Station()}, [Visit("desk", 0.1)], rate=7.0, messages=3 * MESSAGES)
    for share in (0.5, 0.99):
        [exact] = [t / 1000 for t in range(1, 20_000) if 1 - exp(-3.0 * t / 1000) >= share][:1]
        assert quantile(flow.takes, share) == pytest.approx(exact, rel=0.12)


def test_constant_times_halve_the_wait() -> None:
    """M/D/1: half the waiting time of M/M/1."""
    stations = {"desk": Station(draw=constant)}
    flow = simulate(stations, [Visit("desk", 0.1)], rate=7.0, messages=MESSAGES)
    assert mean(flow.waits) == pytest.approx(0.7 * 0.1 / (2 * 0.3), rel=0.1)


def test_stations_in_a_row_agree_with_jackson() -> None:
    """Each station has the waiting time it would have alone, also if one is visited twice."""
    stations = {"a": Station(), "b": Station()}
    plan = [Visit("a", 0.05), Visit("b", 0.1), Visit("a", 0.05)]
    flow = simulate(stations, plan, rate=6.0, messages=MESSAGES)
    assert flow.busy == pytest.approx({"a": 0.6, "b": 0.6}, rel=0.04)
    alone = 0.6 * 0.1 / 0.4 + 2 * 0.6 * 0.05 / 0.4
    assert mean(flow.waits) == pytest.approx(alone, rel=0.15)


def test_a_flush_serves_all_waiting_messages() -> None:
    """It serves ten times as many as one by one, and nobody waits longer than one more flush."""
    many = {"disk": Station(together=64, draw=constant)}
    plan = [Visit("disk", 0.01)]
    flow = simulate(many, plan, rate=1000.0, messages=MESSAGES)
    assert 0.95 < flow.busy["disk"] <= 1.0
    assert quantile(flow.waits, 1.0) <= 0.01 + 1e-9
    assert mean(flow.waits) == pytest.approx(0.005, rel=0.1)
    assert loads(many, plan, 1000.0)["disk"] == pytest.approx(10 / 64)


def test_a_seed_reproduces_the_figures() -> None:
    """Two simulations with the same seed are equal."""
    one, two = (
        simulate({"a": Station()}, [Visit("a", 0.1)], rate=5.0, messages=500) for _ in range(2)
    )
    assert one == two


@pytest.mark.parametrize(
    ("values", "share", "found"),
    [([1.0], 0.99, 1.0), (range(1, 101), 0.5, 50), (range(1, 101), 0.99, 99),
     ([3.0, 4.0], 1.0, 4.0), (range(1, 1001), 0.999, 999), ([1.0, 2.0, 3.0], 0.0, 1.0)],
)  # fmt: skip
def test_quantiles_are_the_nearest_rank(values: list[float], share: float, found: float) -> None:
    """A share and the value at its rank."""
    assert quantile(list(values), share) == found
