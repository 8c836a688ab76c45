"""What a rate of messages needs, computed from what a turn costs: one process, and a cluster."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import ceil

import msgspec

from tests.bench.capacity.costs import ClusterCosts, Costs, SingleCosts
from tests.bench.capacity.simulation import Station, Visit, constant, loads

FULL = 0.7
"""The planned load of a station to which servers can be added, as a share of its time."""
GROUP = 64
"""The most transactions in one COMMIT."""
PER_MACHINE = 8
"""Processors of a machine that runs web processes, workers and readers."""
COMMITS = 3
"""Transactions of a turn: accepting, fetching, committing. Two of them flush to the disk."""


class Design(msgspec.Struct, frozen=True, kw_only=True):
    """Stations, the plan of a message's visits to them, and the number of machines."""

    stations: Mapping[str, Station]
    plan: Sequence[Visit]
    machines: int

    def full(self, rate: float) -> tuple[str, float]:
        """The station with the highest load at ``rate``, and that load."""
        return max(loads(self.stations, self.plan, rate).items(), key=lambda item: item[1])

    def limit(self) -> tuple[str, float]:
        """The station that saturates first, and at how many messages a second."""
        name, load = self.full(1.0)
        return name, 1 / load


def single_process(costs: Costs) -> Design:
    """One process with its reader on SQLite: two processors, one disk."""
    one = costs.single
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
    """As many processes as ``rate`` needs, a PostgreSQL with as many processors as it needs, and
    a Redis with one. ``divided``: as many Redis as it needs, which is not implemented."""
    measured = costs.cluster
    serves_http, workers, readers, base = (
        max(1, ceil(rate * each / FULL))
        for each in (measured.web, measured.worker, measured.reader, measured.postgres)
    )
    workers = readers = max(workers, readers)  # each worker has its reader
    return Design(
        stations={
            "doors": Station(servers=serves_http),
            "workers": Station(servers=workers),
            "readers": Station(servers=readers),
            "PostgreSQL": Station(servers=base),
            "Redis": Station(servers=ceil(rate * measured.redis / FULL) if divided else 1),
            "disk": Station(together=GROUP, draw=constant),
        },
        plan=_cluster_plan(measured, costs.flush),
        machines=ceil((serves_http + workers + readers) / PER_MACHINE),
    )


def _cluster_plan(measured: ClusterCosts, flush: float) -> tuple[Visit, ...]:
    web, worker = measured.web / 2, measured.worker / 2
    base, redis = (
        Visit("PostgreSQL", measured.postgres / COMMITS),
        Visit("Redis", measured.redis / 2),
    )
    return (
        Visit("doors", web), base, Visit("disk", flush), redis,
        Visit("workers", worker), base, Visit("readers", measured.reader),
        Visit("workers", worker), base, Visit("disk", flush), redis,
        Visit("doors", web),
    )  # fmt: skip


FIRST, SECOND = ("accept",), ("take", "context", "understand, this side")


def _thirds(one: SingleCosts) -> tuple[float, float, float]:
    """The process's time until a message is committed, until it is understood, and after that.
    Half of HTTP is reading. Time that belongs to no stage is divided equally."""

    def of(*stages: str) -> float:
        return sum(one.stages.get(stage, 0.0) for stage in stages)

    first, second = of("HTTP") / 2 + of(*FIRST), of(*SECOND)
    common = of("event loop", "transactions", "other")
    third = max(0.0, one.loop - first - second - common)
    return first + common / 3, second + common / 3, third + common / 3
