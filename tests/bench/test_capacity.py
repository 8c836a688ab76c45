"""From measured costs to the table of capacity."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.bench.capacity.costs import ClusterCosts, Costs, SingleCosts, flush
from tests.bench.capacity.designs import FULL, cluster, single_process
from tests.bench.capacity.figures import RATES, row, rows
from tests.bench.capacity.profiler import STAGES, stage_of
from tests.bench.capacity.simulation import loads

ROOT = Path(__file__).parents[2]
COSTS = Costs(
    single=SingleCosts(
        loop=800e-6, reader=400e-6, rate=900.0,
        stages={"HTTP": 200e-6, "accept": 100e-6, "take": 100e-6, "commit": 250e-6,
                "event loop": 150e-6},
    ),
    cluster=ClusterCosts(
        web=400e-6, worker=900e-6, reader=400e-6, postgres=600e-6, redis=60e-6, rate=500.0,
    ),
    flush=1e-3,
)  # fmt: skip


def test_one_process_is_limited_by_its_event_loop() -> None:
    """The parts of a message's visits add up to the measured cost."""
    design = single_process(COSTS)
    assert design.limit() == ("process", pytest.approx(1 / 800e-6))
    steps = [visit.seconds for visit in design.plan if visit.station == "process"]
    assert sum(steps) == pytest.approx(COSTS.single.loop)
    assert min(steps) > 0


@pytest.mark.parametrize("rate", RATES)
def test_a_cluster_has_no_more_processes_than_it_needs(rate: int) -> None:
    """Stations that can grow stay below the planned load, and with one process less they do
    not."""
    design = cluster(COSTS, rate)
    found = loads(design.stations, design.plan, rate)
    for name in ("doors", "workers", "readers", "PostgreSQL"):
        assert found[name] <= FULL + 1e-9
    assert design.stations["workers"].servers == design.stations["readers"].servers
    fewer = design.stations["workers"].servers - 1
    assert not fewer or rate * COSTS.cluster.worker / fewer > FULL
    asked = sum(v.seconds for v in design.plan if v.station == "PostgreSQL")
    assert asked == pytest.approx(COSTS.cluster.postgres)


def test_a_station_that_cannot_grow_saturates() -> None:
    """A Redis that needs 200 us a turn cannot handle 10,000 a second: the row names it and has no
    waiting times."""
    costs_of_cluster = ClusterCosts(
        web=4e-4, worker=9e-4, reader=4e-4, postgres=6e-4, redis=2e-4, rate=1.0
    )
    costs = Costs(single=COSTS.single, cluster=costs_of_cluster, flush=COSTS.flush)
    line = row("cluster", cluster(costs, 10_000), 10_000.0, 500)
    assert (line["fullest"], line["load"]) == ("Redis", 2.0)
    assert "wait_p99_ms" not in line


def test_waiting_times_grow_with_the_rate() -> None:
    """Every row has the number of servers and machines."""
    lines = [line for line in rows(COSTS, messages=1500) if line["what"] == "one process"]
    waits = [line["wait_p99_ms"] for line in lines]
    assert len(waits) == 5
    assert waits[0] < waits[-1]  # type: ignore[operator]
    assert all(line["servers"] and line["machines"] for line in lines)


def test_a_flush_is_measured_on_the_disk(tmp_path: Path) -> None:
    """No file is left."""
    assert 0 < flush(tmp_path / "block") < 5
    assert list(tmp_path.iterdir()) == []


def test_stages_of_the_profiler_name_existing_files() -> None:
    """Modules that several stages share belong to none."""
    tops = ("gateway", "plugins", "brand_voice", "channels")
    files = [str(one.relative_to(ROOT)) for top in tops for one in (ROOT / top).rglob("*.py")]
    for part, _ in STAGES:
        if not part.startswith("/"):
            assert any(part in file for file in files), part
    assert stage_of("/x/gateway/adapters/sql/engine/prepared.py") is None
    assert stage_of("/x/gateway/adapters/sql/turns/commit.py") == "commit"
