"""Simulates a network of queues message by message, with simpy.

Messages arrive at random times (Poisson) and visit stations in the order of their plan. The servers
of a station serve one message each, first come first served, with times drawn around the measured
mean. A flush serves several waiting messages together, as the COMMIT of a group does.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from typing import Any, Protocol

import msgspec
import simpy

EARLY = 0.1
"""Share of the messages that only fill the queues and are not counted."""

Draw = Callable[[random.Random, float], float]
"""Draws a time with a given mean."""


def exponential(dice: random.Random, mean: float) -> float:
    """At least as spread as real service times, so that waiting times are rather too long."""
    return dice.expovariate(1 / mean)


def constant(_: random.Random, mean: float) -> float:
    return mean


class Station(msgspec.Struct, frozen=True, kw_only=True):
    """``servers`` that work in parallel. Each serves up to ``together`` messages at a time."""

    servers: int = 1
    together: int = 1
    draw: Draw = exponential


class Visit(msgspec.Struct, frozen=True):
    """A message's visit to a station: seconds of service, of a flush the seconds of the group."""

    station: str
    seconds: float


class Flow(msgspec.Struct, frozen=True, kw_only=True):
    """The result of a simulation.

    ``waits``: the waiting times of the counted messages in seconds, sorted. ``takes``: their times
    from arrival to departure in seconds, sorted. ``busy``: the share of time in which the servers
    of each station worked.
    """

    waits: tuple[float, ...]
    takes: tuple[float, ...]
    busy: Mapping[str, float]


def quantile(ascending: Sequence[float], share: float) -> float:
    """The smallest value that ``share`` of the values do not exceed (nearest rank)."""
    rank = max(1, -(-len(ascending) * round(share * 1000) // 1000))
    return ascending[rank - 1]


def simulate(
    stations: Mapping[str, Station],
    plan: Sequence[Visit],
    *,
    rate: float,
    messages: int,
    seed: int = 1,
) -> Flow:
    """Simulate ``messages`` that arrive at ``rate`` a second. If a station cannot keep up, the
    queues only grow: check `loads` first."""
    world = simpy.Environment()
    dice = random.Random(seed)  # noqa: S311  (reproducible)
    places = {name: _open(world, dice, station) for name, station in stations.items()}
    seen: list[tuple[float, float]] = []

    def message() -> Generator[Any, Any, None]:
        came, served = world.now, 0.0
        for visit in plan:
            served += yield from places[visit.station].serve(visit.seconds)
        seen.append((world.now - came, served))

    def arrivals() -> Iterator[Any]:
        for _ in range(messages):
            yield world.timeout(dice.expovariate(rate))
            world.process(message())

    world.process(arrivals())
    world.run()
    counted = seen[int(EARLY * len(seen)) :]
    return Flow(
        waits=tuple(sorted(max(0.0, took - served) for took, served in counted)),
        takes=tuple(sorted(took for took, _ in counted)),
        busy={name: place.worked / (world.now * place.servers) for name, place in places.items()},
    )


def loads(
    stations: Mapping[str, Station], plan: Sequence[Visit], rate: float
) -> Mapping[str, float]:
    """The load of each station at ``rate``, as a share of its servers' time with full groups. A
    station with more than 1 cannot keep up."""
    asked = dict.fromkeys(stations, 0.0)
    for visit in plan:
        asked[visit.station] += rate * visit.seconds
    return {
        name: asked[name] / (station.servers * station.together)
        for name, station in stations.items()
    }


class _Place(Protocol):
    """A station during a simulation. `serve` returns the seconds of service."""

    servers: int
    worked: float

    def serve(self, seconds: float) -> Generator[Any, Any, float]: ...


def _open(world: simpy.Environment, dice: random.Random, station: Station) -> _Place:
    return (_Servers if station.together == 1 else _Flush)(world, dice, station)


class _Servers:
    def __init__(self, world: simpy.Environment, dice: random.Random, station: Station) -> None:
        self._world, self._dice, self._draw = world, dice, station.draw
        self.servers, self.worked = station.servers, 0.0
        self._free = simpy.Resource(world, station.servers)

    def serve(self, seconds: float) -> Generator[Any, Any, float]:
        with self._free.request() as turn:
            yield turn
            took = self._draw(self._dice, seconds)
            yield self._world.timeout(took)
            self.worked += took
        return took


class _Flush:
    """While it is busy, messages wait. When it is free again, it serves a group of them."""

    def __init__(self, world: simpy.Environment, dice: random.Random, station: Station) -> None:
        self._world, self._dice, self._draw = world, dice, station.draw
        self.servers, self.worked = station.servers, 0.0
        self._together = station.together
        self._busy = 0
        self._waiting: list[tuple[float, simpy.Event]] = []

    def serve(self, seconds: float) -> Generator[Any, Any, float]:
        done = self._world.event()
        self._waiting.append((seconds, done))
        if self._busy < self.servers:
            self._busy += 1
            self._world.process(self._run())
        took = yield done
        return took

    def _run(self) -> Iterator[Any]:
        while self._waiting:
            group = self._waiting[: self._together]
            del self._waiting[: self._together]
            took = self._draw(self._dice, max(seconds for seconds, _ in group))
            yield self._world.timeout(took)
            self.worked += took
            for _, done in group:
                done.succeed(took)
        self._busy -= 1
