"""The stages of ``speed``: training, cold starts, rates, memory."""

from __future__ import annotations

import asyncio
import os
import platform
import shutil
import sqlite3
import subprocess
from contextlib import AsyncExitStack, closing
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from time import perf_counter

from gateway.adapters.sql.engine.opening import migrate
from gateway.adapters.sql.engine.sqlite import SqliteDatabase
from tests.bench import load, processes
from tests.bench.fill import fill
from tests.bench.load import Load, check_burst
from tests.bench.plan import MOST, Plan
from tests.bench.processes import Server, server
from tests.bench.rates import Measurement, report_rates
from tests.bench.report import BenchError, Report, say
from tests.bench.rivals import programs
from tests.bench.workloads import REST, WORKLOADS, Workload

HERE = Path(__file__).parent

AT_REST, TAKEN_IN = 5.0, 3_600.0
"""Seconds without work by which a server shows that it has taken in its past, and the most it may
need."""
ALONE = 400
"""Messages that are sent one after another."""


class Bench:
    """Runs all stages, with its files in ``folder``."""

    def __init__(self, plan: Plan, report: Report, folder: Path) -> None:
        self._plan, self._report, self._folder = plan, report, folder
        self._load = Load(folder)
        self._models = folder / "models"
        self._past = folder / "past"
        self._absent = programs.absent()
        others = (workload for workload in programs.RIVALS if workload.name not in self._absent)
        self._workloads = (*WORKLOADS, *others)

    async def run(self) -> None:
        self._report.figure("machine", platform.machine(), "", **_machine(), load=self._load.tool)
        await self._train()
        await self._starts()
        await self._alone()
        report_rates(self._report, await self._rounds(), self._absent)
        await self._memory()

    async def _train(self) -> None:
        """Start once: this trains the intents, and leaves conversations to copy as the past."""
        say("first start, which trains the intents ...")
        place = self._folder / "first"
        async with server(place, *processes.WARMLINE) as running:
            self._report.bound("first_start", running.ready_after, "s", MOST["first_start"])
            await self._load.burst(running.url + REST, load.ANSWERED, self._plan.seconds)
        shutil.copytree(place / "nlu_local", self._models)
        say(f"storing a past of {self._plan.stored} messages ...")
        self._past.mkdir()
        file = self._past / "warmline.db"
        database = SqliteDatabase(file)
        await migrate(database)
        await database.stop()
        counts = await asyncio.to_thread(fill, place / "warmline.db", file, self._plan.stored)
        size = file.stat().st_size / 1e6
        self._report.figure("past", counts["messages"], "messages", **counts, megabytes=round(size))
        shutil.copytree(self._models, self._past / "nlu_local")
        await self._take_in()

    async def _take_in(self) -> None:
        """Let a server add the past to its search and its report once. What this costs customers is
        measured beside it; later servers have it behind them, as one that has run for a year."""
        say("the past joins the search and the report ...")
        async with server(self._past, *processes.WARMLINE) as running:
            begun = perf_counter()
            await self._load.burst(running.url + REST, load.ANSWERED, self._plan.seconds / 4)
            found = await self._load.burst(running.url + REST, load.ANSWERED, self._plan.seconds)
            await running.wait_idle(at_rest=AT_REST, within=TAKEN_IN)
            took = perf_counter() - begun
        self._report.figure("past_taken_in", took, "s")
        self._report.figure("turn_while_taken_in_rate", found.rate, "1/s")

    async def _starts(self) -> None:
        took = []
        for number in range(self._plan.starts):
            async with server(self._place(f"start{number}"), *processes.WARMLINE) as running:
                took.append(running.ready_after)
        self._report.bound(
            "cold_start", median(took), "s", MOST["cold_start"], all=[round(t, 2) for t in took]
        )

    async def _alone(self) -> None:
        """The time of one message on an idle server."""
        async with server(self._place("alone"), *processes.WARMLINE) as running:
            await self._load.alone(running.url + REST, load.ANSWERED, ALONE // 4)  # warm up
            took = await self._load.alone(running.url + REST, load.ANSWERED, ALONE)
        self._report.bound("alone_p50", took * 1e3, "ms", MOST["alone_p50"], messages=ALONE)

    def _place(self, name: str) -> Path:
        """A folder for a server that has trained already and has no messages."""
        place = self._folder / name
        place.mkdir()
        shutil.copytree(self._models, place / "nlu_local")
        return place

    async def _rounds(self) -> dict[str, list[Measurement]]:
        """Bursts of every workload in turn. Servers that store messages are new in each round."""
        seen: dict[str, list[Measurement]] = {workload.name: [] for workload in self._workloads}
        async with AsyncExitStack() as stack:
            kept = await self._kept(stack)
            for number in range(self._plan.rounds):
                for workload in self._workloads:
                    if workload.kept:
                        found = await self._burst(kept[workload.arguments], workload)
                    else:
                        found = await self._fresh(workload, f"{workload.name}{number}")
                    seen[workload.name].append(found)
                    figures = f"{found.burst.rate:.0f}/s, {found.cpu * 1e6:.0f} us of processor"
                    say(f"round {number + 1} of {self._plan.rounds}: {workload.name} {figures}")
        return seen

    async def _kept(self, stack: AsyncExitStack) -> dict[tuple[str, ...], Server]:
        """The servers that run for all rounds, by their arguments."""
        if programs.RASA_TURN in self._workloads:
            await programs.train(self._folder)
        kept: dict[tuple[str, ...], Server] = {}
        for workload in self._workloads:
            if workload.kept and workload.arguments not in kept:
                started = server(self._folder, *workload.arguments, runtime=workload.runtime)
                kept[workload.arguments] = await stack.enter_async_context(started)
        return kept

    async def _fresh(self, workload: Workload, name: str) -> Measurement:
        place = self._past if workload.past else self._place(name)
        async with server(place, *workload.arguments) as running:
            before = await _handled(running)
            seen = await self._burst(running, workload)
            if workload.wanted == load.COMMITTED:
                await running.end(kill=True)
                _check_stored(place / "warmline.db", self._load.tag, seen.burst.good)
            elif await _handled(running) - before < seen.burst.good:
                raise BenchError(f"{workload.name}: more answers were counted than turns")
        if not workload.past:
            shutil.rmtree(place)
        return seen

    async def _burst(self, running: Server, workload: Workload) -> Measurement:
        seconds = self._plan.seconds * workload.times
        url = running.url + workload.path
        unique = workload.unique
        await self._load.burst(url, workload.wanted, seconds / 4, unique=unique)  # warm up
        if workload.kept:
            await running.wait_idle()
        used = running.cpu
        found = await self._load.burst(url, workload.wanted, seconds, unique=unique)
        # Other programs may leave requests without a response; their number is reported.
        check_burst(workload.name, found, allow_broken=workload.runtime is not processes.OURS)
        seen = Measurement(burst=found, cpu=(running.cpu - used) / found.good)
        if workload.kept:
            await running.wait_idle()  # its remaining work would slow down the next one
        return seen

    async def _memory(self) -> None:
        say(f"sending {self._plan.messages} messages to one server ...")
        async with server(self._place("memory"), *processes.WARMLINE) as running:
            begun = running.memory
            sent, url = 0, running.url + REST
            while sent < self._plan.messages:
                found = await self._load.burst(url, load.ANSWERED, self._plan.seconds * 2)
                check_burst("memory", found)
                sent += found.good
                say(f"  {sent} messages, {running.memory / 1e6:.0f} MB")
            self._report.bound(
                "memory",
                running.memory / 1e6,
                "MB",
                MOST["memory"],
                messages=sent,
                at_start=round(begun / 1e6),
            )


async def _handled(running: Server) -> float:
    return sum((await running.metric("warmline_turns_total")).values())


def _check_stored(database: Path, tag: str, accepted: int) -> None:
    """Raise BenchError unless every accepted message of the last burst is stored after SIGKILL.
    Then delete those that were not handled, so that the database can be used again."""
    with closing(sqlite3.connect(database)) as connection, connection:
        between = (f"rest:{tag}-", f"rest:{tag}.")
        query = "SELECT count(*) FROM inbox WHERE lane > ? AND lane < ?"
        [[stored]] = connection.execute(query, between)
        connection.execute("DELETE FROM inbox WHERE state = 'ready'")
    if stored < accepted:
        raise BenchError(f"{accepted} messages were accepted, but only {stored} are stored")


def _machine() -> dict[str, object]:
    git = ["git", "describe", "--always", "--dirty"]
    try:
        found = subprocess.run(git, capture_output=True, text=True, check=False, cwd=HERE)
        commit = found.stdout.strip()
    except OSError:
        commit = ""
    return {
        "python": platform.python_version(),
        "processors": os.cpu_count(),
        "commit": commit or "unknown",
        "date": datetime.now(UTC).date().isoformat(),
    }
