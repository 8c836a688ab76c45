"""From measured costs to a table: what is planned keeps up, and what cannot is said."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.bench.capacity.costs import Alone, Costs, Crew, flush
from tests.bench.capacity.figures import RATES, row, rows
from tests.bench.capacity.plans import FULL, alone, cluster
from tests.bench.capacity.queues import loads
from tests.bench.capacity.watched import STAGES, stage_of

ROOT = Path(__file__).parents[2]
COSTS = Costs(
    alone=Alone(
        loop=800e-6, reader=400e-6, rate=900.0,
        stages={"HTTP": 200e-6, "accept": 100e-6, "take": 100e-6, "commit": 250e-6,
                "event loop": 150e-6},
    ),
    crew=Crew(web=400e-6, worker=900e-6, reader=400e-6, postgres=600e-6, redis=60e-6, rate=500.0),
    flush=1e-3,
)  # fmt: skip


def test_the_limit_of_one_process() -> None:
    """It is what its event loop does in a second; the parts of its way add up to its cost."""
    design = alone(COSTS)
    assert design.limit() == ("process", pytest.approx(1 / 800e-6))
    steps = [visit.seconds for visit in design.plan if visit.station == "process"]
    assert sum(steps) == pytest.approx(COSTS.alone.loop)
    assert min(steps) > 0


@pytest.mark.parametrize("rate", RATES)
def test_a_cluster_is_as_wide_as_it_must(rate: int) -> None:
    """What can be widened works at most the planned share, and one process less would not do."""
    design = cluster(COSTS, rate)
    found = loads(design.stations, design.plan, rate)
    for name in ("doors", "workers", "readers", "PostgreSQL"):
        assert found[name] <= FULL + 1e-9
    assert design.stations["workers"].servers == design.stations["readers"].servers
    fewer = design.stations["workers"].servers - 1
    assert not fewer or rate * COSTS.crew.worker / fewer > FULL
    asked = sum(v.seconds for v in design.plan if v.station == "PostgreSQL")
    assert asked == pytest.approx(COSTS.crew.postgres)


def test_what_cannot_be_widened_saturates() -> None:
    """A Redis that needs 200 us a turn does not keep up with 10,000 a second: the row names it
    and has no waits."""
    crew = Crew(web=4e-4, worker=9e-4, reader=4e-4, postgres=6e-4, redis=2e-4, rate=1.0)
    costs = Costs(alone=COSTS.alone, crew=crew, flush=COSTS.flush)
    told = row("cluster", cluster(costs, 10_000), 10_000.0, 500)
    assert (told["fullest"], told["load"]) == ("Redis", 2.0)
    assert "wait_p99_ms" not in told


def test_the_table() -> None:
    """Waits grow with the rate on one process, and every row says how wide it is."""
    told = [line for line in rows(COSTS, messages=1500) if line["what"] == "one process"]
    waits = [line["wait_p99_ms"] for line in told]
    assert len(waits) == 5
    assert waits[0] < waits[-1]  # type: ignore[operator]
    assert all(line["servers"] and line["machines"] for line in told)


def test_a_flush_takes_time(tmp_path: Path) -> None:
    """The disk is asked, and left clean."""
    assert 0 < flush(tmp_path / "block") < 5
    assert list(tmp_path.iterdir()) == []


def test_the_stages_are_where_the_code_is() -> None:
    """Every file of ours that a stage names is there, and shared modules belong to none."""
    tops = ("gateway", "plugins", "brand_voice", "channels")
    files = [str(one.relative_to(ROOT)) for top in tops for one in (ROOT / top).rglob("*.py")]
    for part, _ in STAGES:
        if not part.startswith("/"):
            assert any(part in file for file in files), part
    assert stage_of("/x/gateway/adapters/sql/engine/prepared.py") is None
    assert stage_of("/x/gateway/adapters/sql/turns/commit.py") == "commit"
