"""``make bench PARTS=capacity``: costs measured, then the simulation, rate by rate."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tests.bench.capacity.costs import Costs, Measure
from tests.bench.capacity.plans import Design, alone, cluster
from tests.bench.capacity.queues import quantile, simulate
from tests.bench.report import Report

RATES = (30, 100, 300, 1_000, 3_000, 10_000)
"""Messages a second of a cluster."""
SHARES = (0.3, 0.5, 0.7, 0.8, 0.9)
"""Of what one process can do at most."""
MESSAGES = 20_000

Row = dict[str, object]


async def capacity(report: Report, folder: Path, model: Path) -> None:
    """Measure, simulate and tell it, and print the table."""
    quick = os.environ.get("WARMLINE_BENCH_QUICK") == "1"
    measure = Measure(folder, model, rounds=1 if quick else 3, seconds=2.0 if quick else 6.0)
    costs = await measure.costs()
    tell(report, costs)
    lines = list(rows(costs, messages=MESSAGES // 10 if quick else MESSAGES))
    for line in lines:
        report.line({"name": "capacity", **line})
    show(lines)


def tell(report: Report, costs: Costs) -> None:
    """The measured costs, in microseconds of processor a turn."""
    one, crew = costs.alone, costs.crew
    report.line({
        "name": "cost_alone", "unit": "us", "process": one.loop * 1e6, "reader": one.reader * 1e6,
        "measured_rate": one.rate, "stages": {k: round(v * 1e6) for k, v in one.stages.items()},
    })  # fmt: skip
    each = {name: getattr(crew, name) * 1e6
            for name in ("web", "worker", "reader", "postgres", "redis")}  # fmt: skip
    report.line({"name": "cost_crew", "unit": "us", **each, "measured_rate": crew.rate})
    report.tell("flush", costs.flush * 1e3, "ms")
    for name, design in (("alone", alone(costs)), ("cluster", cluster(costs, RATES[-1]))):
        station, rate = design.limit()
        report.tell(f"limit_{name}", rate, "1/s", saturates=station)


def rows(costs: Costs, *, messages: int) -> Iterable[Row]:
    """A line of the table for each rate."""
    one = alone(costs)
    _, most = one.limit()
    for share in SHARES:
        yield row("one process", one, share * most, messages)
    for rate in RATES:
        told = row("cluster", cluster(costs, rate), float(rate), messages)
        yield told
        if "wait_p99_ms" not in told:
            wider = cluster(costs, rate, divided=True)
            yield row("cluster, Redis divided", wider, float(rate), messages)


def row(name: str, design: Design, rate: float, messages: int) -> Row:
    """What the simulation says of ``rate``; without waits where a station cannot keep up."""
    station, load = design.full(rate)
    told: Row = {
        "what": name,
        "rate": round(rate),
        "machines": design.machines,
        "servers": {name: one.servers for name, one in design.stations.items()},
        "fullest": station,
        "load": round(load, 2),
    }
    if load >= 1:
        return told
    flow = simulate(design.stations, design.plan, rate=rate, messages=messages)
    return told | {
        "busy": {name: round(share, 2) for name, share in flow.busy.items()},
        "wait_p50_ms": round(quantile(flow.waits, 0.5) * 1e3, 2),
        "wait_p99_ms": round(quantile(flow.waits, 0.99) * 1e3, 2),
        "turn_p99_ms": round(quantile(flow.takes, 0.99) * 1e3, 2),
    }


def show(lines: Iterable[Row]) -> None:
    """On stderr, for whoever reads along."""
    table = Table(title="Capacity")
    for head in ("what", "messages/s", "machines", "processes", "fullest", "load", "wait p50 ms",
                 "wait p99 ms", "turn p99 ms"):  # fmt: skip
        table.add_column(head, justify="left" if head == "what" else "right")
    for line in lines:
        servers = line["servers"]
        assert isinstance(servers, dict)
        cells = (line["what"], line["rate"], line["machines"],
                 " ".join(f"{name} {count}" for name, count in servers.items() if name != "disk"),
                 line["fullest"], line["load"], line.get("wait_p50_ms", "grows"),
                 line.get("wait_p99_ms", "grows"), line.get("turn_p99_ms", "grows"))  # fmt: skip
        table.add_row(*(str(cell) for cell in cells))
    Console(stderr=True, width=150).print(table)
