"""``make bench PARTS=capacity``: measures the costs, then simulates rate by rate."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tests.bench.capacity.costs import Costs, Measure
from tests.bench.capacity.designs import Design, cluster, single_process
from tests.bench.capacity.simulation import quantile, simulate
from tests.bench.report import Report

RATES = (30, 100, 300, 1_000, 3_000, 10_000)
"""Messages a second of a cluster."""
SHARES = (0.3, 0.5, 0.7, 0.8, 0.9)
"""Rates of one process, as shares of its limit."""
MESSAGES = 20_000

Row = dict[str, object]


async def capacity(report: Report, folder: Path, model: Path) -> None:
    """Measure and simulate, report the figures, and print the table."""
    quick = os.environ.get("WARMLINE_BENCH_QUICK") == "1"
    measure = Measure(folder, model, rounds=1 if quick else 3, seconds=2.0 if quick else 6.0)
    costs = await measure.costs()
    report_costs(report, costs)
    lines = list(rows(costs, messages=MESSAGES // 10 if quick else MESSAGES))
    for line in lines:
        report.line({"name": "capacity", **line})
    show(lines)


def report_costs(report: Report, costs: Costs) -> None:
    """Report the measured costs, in microseconds of processor a turn."""
    one, measured = costs.single, costs.cluster
    report.line({
        "name": "cost_alone", "unit": "us", "process": one.loop * 1e6, "reader": one.reader * 1e6,
        "measured_rate": one.rate, "stages": {k: round(v * 1e6) for k, v in one.stages.items()},
    })  # fmt: skip
    each = {name: getattr(measured, name) * 1e6
            for name in ("web", "worker", "reader", "postgres", "redis")}  # fmt: skip
    report.line({"name": "cost_crew", "unit": "us", **each, "measured_rate": measured.rate})
    report.figure("flush", costs.flush * 1e3, "ms")
    for name, design in (("alone", single_process(costs)), ("cluster", cluster(costs, RATES[-1]))):
        station, rate = design.limit()
        report.figure(f"limit_{name}", rate, "1/s", saturates=station)


def rows(costs: Costs, *, messages: int) -> Iterable[Row]:
    """One row of the table for each rate."""
    one = single_process(costs)
    _, most = one.limit()
    for share in SHARES:
        yield row("one process", one, share * most, messages)
    for rate in RATES:
        line = row("cluster", cluster(costs, rate), float(rate), messages)
        yield line
        if "wait_p99_ms" not in line:
            wider = cluster(costs, rate, divided=True)
            yield row("cluster, Redis divided", wider, float(rate), messages)


def row(name: str, design: Design, rate: float, messages: int) -> Row:
    """The result of simulating ``rate``; without waiting times if a station cannot keep up."""
    station, load = design.full(rate)
    line: Row = {
        "what": name,
        "rate": round(rate),
        "machines": design.machines,
        "servers": {name: each.servers for name, each in design.stations.items()},
        "fullest": station,
        "load": round(load, 2),
    }
    if load >= 1:
        return line
    flow = simulate(design.stations, design.plan, rate=rate, messages=messages)
    return line | {
        "busy": {name: round(share, 2) for name, share in flow.busy.items()},
        "wait_p50_ms": round(quantile(flow.waits, 0.5) * 1e3, 2),
        "wait_p99_ms": round(quantile(flow.waits, 0.99) * 1e3, 2),
        "turn_p99_ms": round(quantile(flow.takes, 0.99) * 1e3, 2),
    }


def show(lines: Iterable[Row]) -> None:
    """Print the table on stderr."""
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
