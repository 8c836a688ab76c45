"""The stages of the benchmark, one after the other."""

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

from gateway.adapters.sql.engine.opening import migrate
from gateway.adapters.sql.engine.sqlite import SqliteDatabase
from tests.bench import load, processes
from tests.bench.fill import fill
from tests.bench.kinds import KINDS, REST, Kind
from tests.bench.load import Load
from tests.bench.plan import MOST, Plan
from tests.bench.processes import Server, server
from tests.bench.rates import Seen, tell_rates
from tests.bench.report import Report, say
from tests.bench.rivals import beside

HERE = Path(__file__).parent


class Bench:
    """All stages, in ``folder``."""

    def __init__(self, plan: Plan, report: Report, folder: Path) -> None:
        self._plan, self._report, self._folder = plan, report, folder
        self._load = Load(folder)
        self._models = folder / "models"
        self._past = folder / "past"
        self._absent = beside.absent()
        others = (kind for kind in beside.RIVALS if kind.name not in self._absent)
        self._kinds = (*KINDS, *others)

    async def run(self) -> None:
        self._report.tell("machine", platform.machine(), "", **_machine(), load=self._load.tool)
        await self._learn()
        await self._starts()
        tell_rates(self._report, await self._rounds(), self._absent)
        await self._memory()

    async def _learn(self) -> None:
        """A first start trains the intents, and leaves the conversations that become the past."""
        say("first start, which trains ...")
        place = self._folder / "first"
        async with server(place, *processes.WARMLINE) as one:
            self._report.tell("first_start", one.ready_after, "s")
            await self._load.burst(one.url + REST, load.WORDS, self._plan.seconds)
        shutil.copytree(place / "nlu_local", self._models)
        say(f"a past of {self._plan.stored} messages ...")
        self._past.mkdir()
        file = self._past / "warmline.db"
        database = SqliteDatabase(file)
        await migrate(database)
        await database.stop()
        counts = await asyncio.to_thread(fill, place / "warmline.db", file, self._plan.stored)
        size = file.stat().st_size / 1e6
        self._report.tell("past", counts["messages"], "messages", **counts, megabytes=round(size))
        shutil.copytree(self._models, self._past / "nlu_local")

    async def _starts(self) -> None:
        took = []
        for number in range(self._plan.starts):
            async with server(self._place(f"start{number}"), *processes.WARMLINE) as one:
                took.append(one.ready_after)
        self._report.bound(
            "cold_start", median(took), "s", MOST["cold_start"], all=[round(t, 2) for t in took]
        )

    def _place(self, name: str) -> Path:
        """A folder for a server without a past, that has learnt already."""
        place = self._folder / name
        place.mkdir()
        shutil.copytree(self._models, place / "nlu_local")
        return place

    async def _rounds(self) -> dict[str, list[Seen]]:
        """Bursts of every kind in turn. Servers that store something are new in every round."""
        seen: dict[str, list[Seen]] = {kind.name: [] for kind in self._kinds}
        async with AsyncExitStack() as stack:
            kept = await self._kept(stack)
            for number in range(self._plan.rounds):
                for kind in self._kinds:
                    if kind.kept:
                        one = await self._burst(kept[kind.arguments], kind)
                    else:
                        one = await self._fresh(kind, f"{kind.name}{number}")
                    seen[kind.name].append(one)
                    told = f"{one.round.rate:.0f}/s, {one.cpu * 1e6:.0f} us of processor"
                    say(f"round {number + 1} of {self._plan.rounds}: {kind.name} {told}")
        return seen

    async def _kept(self, stack: AsyncExitStack) -> dict[tuple[str, ...], Server]:
        """The servers that stay for all rounds, by their arguments."""
        if beside.RASA_TURN in self._kinds:
            await beside.learn(self._folder)
        kept: dict[tuple[str, ...], Server] = {}
        for kind in self._kinds:
            if kind.kept and kind.arguments not in kept:
                one = server(self._folder, *kind.arguments, home=kind.home)
                kept[kind.arguments] = await stack.enter_async_context(one)
        return kept

    async def _fresh(self, kind: Kind, name: str) -> Seen:
        place = self._past if kind.past else self._place(name)
        async with server(place, *kind.arguments) as one:
            before = await _handled(one)
            seen = await self._burst(one, kind)
            if kind.wanted == load.SAFE:
                await one.end(kill=True)
                _all_there(place / "warmline.db", self._load.tag, seen.round.good)
            elif await _handled(one) - before < seen.round.good:
                raise RuntimeError("answers were counted that no turn gave")
        if not kind.past:
            shutil.rmtree(place)
        return seen

    async def _burst(self, one: Server, kind: Kind) -> Seen:
        seconds = self._plan.seconds * kind.times
        await self._load.burst(one.url + kind.path, kind.wanted, seconds / 4)  # warm
        if kind.kept:
            await one.calm()
        used = one.cpu
        found = await self._load.burst(one.url + kind.path, kind.wanted, seconds)
        # Of what others leave unanswered for half a minute it is told how much; ours must not.
        broken = found.broken and kind.home is processes.OURS
        if found.bad or broken or not found.good:
            raise RuntimeError(f"{kind.name}: {found.bad} bad answers, {found.broken} broken ones")
        seen = Seen(round=found, cpu=(one.cpu - used) / found.good)
        if kind.kept:
            await one.calm()  # what it still works on would be felt by the next
        return seen

    async def _memory(self) -> None:
        say(f"{self._plan.messages} messages through one server ...")
        async with server(self._place("memory"), *processes.WARMLINE) as one:
            begun = one.memory
            sent = 0
            while sent < self._plan.messages:
                found = await self._load.burst(one.url + REST, load.WORDS, self._plan.seconds * 2)
                sent += found.good
                say(f"  {sent} messages, {one.memory / 1e6:.0f} MB")
            self._report.bound(
                "memory",
                one.memory / 1e6,
                "MB",
                MOST["memory"],
                messages=sent,
                at_start=round(begun / 1e6),
            )


async def _handled(one: Server) -> float:
    return sum((await one.metric("warmline_turns_total")).values())


def _all_there(database: Path, tag: str, answered: int) -> None:
    """After SIGKILL: every message of the last burst that was answered is in the inbox. Then
    what nobody worked is taken out, for whoever uses this database next."""
    with closing(sqlite3.connect(database)) as connection, connection:
        between = (f"rest:{tag}-", f"rest:{tag}.")
        query = "SELECT count(*) FROM inbox WHERE lane > ? AND lane < ?"
        [[there]] = connection.execute(query, between)
        connection.execute("DELETE FROM inbox WHERE state = 'ready'")
    if there < answered:
        raise RuntimeError(f"{answered} messages were answered and {there} are stored")


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
