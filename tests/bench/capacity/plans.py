"""From what a turn costs to what a rate needs: one machine, and a cluster."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import ceil

import msgspec

from tests.bench.capacity.costs import Alone, Costs, Crew
from tests.bench.capacity.queues import Station, Visit, constant, loads

FULL = 0.7
"""The share of its time that a station that can be widened is planned to work."""
GROUP = 64
"""Units of work in one COMMIT, at most."""
PER_MACHINE = 8
"""Processors of a machine that runs doors, workers and readers."""
COMMITS = 3
"""Transactions of a turn: taking it in, taking it up, committing it. The disk waits for two."""


class Design(msgspec.Struct, frozen=True, kw_only=True):
    """Stations, the way of a message through them, and how many machines that is."""

    stations: Mapping[str, Station]
    plan: Sequence[Visit]
    machines: int

    def full(self, rate: float) -> tuple[str, float]:
        """The station that is nearest to its limit at ``rate``, and its load."""
        found = loads(self.stations, self.plan, rate)
        name = max(found, key=lambda one: found[one])
        return name, found[name]

    def limit(self) -> tuple[str, float]:
        """What saturates first if nothing is widened, and at how many messages a second."""
        name, load = self.full(1.0)
        return name, 1 / load


def alone(costs: Costs) -> Design:
    """One process with its reader, on SQLite: two processors, one disk."""
    one = costs.alone
    accept, work, end = _thirds(one)
    return Design(
        stations={
            "process": Station(),
            "reader": Station(),
            "disk": Station(together=GROUP, draw=constant),
        },
        plan=(
            Visit("process", accept),
            Visit("disk", costs.flush),
            Visit("process", work),
            Visit("reader", one.reader),
            Visit("process", end),
            Visit("disk", costs.flush),
        ),
        machines=1,
    )


def cluster(costs: Costs, rate: float, *, divided: bool = False) -> Design:
    """As many processes as ``rate`` needs, one PostgreSQL with as many processors as it needs,
    one Redis, which has one; ``divided``: as many Redis as it needs, which is not built."""
    crew = costs.crew
    serves_http, workers, readers, base = (
        max(1, ceil(rate * each / FULL))
        for each in (crew.web, crew.worker, crew.reader, crew.postgres)
    )
    workers = readers = max(workers, readers)  # each worker has its reader
    return Design(
        stations={
            "doors": Station(servers=serves_http),
            "workers": Station(servers=workers),
            "readers": Station(servers=readers),
            "PostgreSQL": Station(servers=base),
            "Redis": Station(servers=ceil(rate * crew.redis / FULL) if divided else 1),
            "disk": Station(together=GROUP, draw=constant),
        },
        plan=_cluster_plan(crew, costs.flush),
        machines=ceil((serves_http + workers + readers) / PER_MACHINE),
    )


def _cluster_plan(crew: Crew, flush: float) -> tuple[Visit, ...]:
    door, worker = crew.web / 2, crew.worker / 2
    base, redis = Visit("PostgreSQL", crew.postgres / COMMITS), Visit("Redis", crew.redis / 2)
    return (
        Visit("doors", door), base, Visit("disk", flush), redis,
        Visit("workers", worker), base, Visit("readers", crew.reader),
        Visit("workers", worker), base, Visit("disk", flush), redis,
        Visit("doors", door),
    )  # fmt: skip


FIRST, SECOND = ("accept",), ("take", "context", "understand, this side")


def _thirds(one: Alone) -> tuple[float, float, float]:
    """The process's time before its message is safe, until it is read, and after; half of HTTP is
    reading. What belongs to no stage is spread."""

    def of(*stages: str) -> float:
        return sum(one.stages.get(stage, 0.0) for stage in stages)

    first, second = of("HTTP") / 2 + of(*FIRST), of(*SECOND)
    common = of("event loop", "transactions", "other")
    third = max(0.0, one.loop - first - second - common)
    return first + common / 3, second + common / 3, third + common / 3
