"""The stages of the benchmark, one after the other."""

from __future__ import annotations

import asyncio
import os
import platform
import shutil
import sqlite3
import subprocess
from collections.abc import Iterable
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

import msgspec

from gateway.adapters.sql.database import Database
from gateway.adapters.sql.migrating import migrate
from tests.bench import load, processes
from tests.bench.fill import fill
from tests.bench.load import Load, Round
from tests.bench.plan import ACCEPT, MEMORY, PAST, START, TURN, Plan
from tests.bench.processes import Server, server
from tests.bench.report import Report, say

HERE = Path(__file__).parent
REST = "/webhooks/rest/webhook"


class Kind(msgspec.Struct, frozen=True, kw_only=True):
    """Something that is put under load: which server, where, and what an answer must have."""

    name: str
    arguments: tuple[str, ...]
    path: str
    wanted: str
    past: bool = False


ECHO = Kind(name="echo", arguments=processes.ECHO, path="/echo", wanted=load.ECHO)
ACCEPTING = Kind(name="accept", arguments=processes.DOOR, path="/door", wanted=load.SAFE)
BUSY = Kind(
    name="accept_while_working", arguments=processes.WORKING_DOOR, path="/door", wanted=load.SAFE
)
TURNS = Kind(name="turn", arguments=processes.WARMLINE, path=REST, wanted=load.WORDS)
TURNS_LATER = Kind(
    name="turn_with_past", arguments=processes.WARMLINE, path=REST, wanted=load.WORDS, past=True
)
ACCEPTING_LATER = Kind(
    name="accept_with_past",
    arguments=processes.DOOR,
    path="/door",
    wanted=load.SAFE,
    past=True,
)
KINDS = (ECHO, ACCEPTING, TURNS, BUSY, TURNS_LATER, ACCEPTING_LATER)


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """One burst, and what it cost the server."""

    round: Round
    cpu: float
    """Seconds of processor for each good answer."""


class Bench:
    """All stages, in ``folder``."""

    def __init__(self, plan: Plan, report: Report, folder: Path) -> None:
        self._plan, self._report, self._folder = plan, report, folder
        self._load = Load(folder)
        self._models = folder / "models"
        self._past = folder / "past"

    async def run(self) -> None:
        self._report.tell("machine", platform.machine(), "", **_machine(), load=self._load.tool)
        await self._learn()
        await self._starts()
        self._report_rates(await self._rounds())
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
        database = Database(file)
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
        self._report.bound("cold_start", median(took), "s", START, all=[round(t, 2) for t in took])

    def _place(self, name: str) -> Path:
        """A folder for a server without a past, that has learnt already."""
        place = self._folder / name
        place.mkdir()
        shutil.copytree(self._models, place / "nlu_local")
        return place

    async def _rounds(self) -> dict[str, list[Seen]]:
        """Bursts of every kind in turn. Servers without a past are new in every round."""
        seen: dict[str, list[Seen]] = {kind.name: [] for kind in KINDS}
        async with AsyncExitStack() as stack:
            echo = await stack.enter_async_context(server(self._folder / "echo", *ECHO.arguments))
            for number in range(self._plan.rounds):
                for kind in KINDS:
                    if kind is ECHO:
                        one = await self._burst(echo, kind)
                    else:
                        one = await self._fresh(kind, f"{kind.name}{number}")
                    seen[kind.name].append(one)
                    told = f"{one.round.rate:.0f}/s, {one.cpu * 1e6:.0f} us of processor"
                    say(f"round {number + 1} of {self._plan.rounds}: {kind.name} {told}")
        return seen

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
        await self._load.burst(one.url + kind.path, kind.wanted, self._plan.seconds / 4)  # warm
        used = one.cpu
        found = await self._load.burst(one.url + kind.path, kind.wanted, self._plan.seconds)
        if found.bad or found.broken or not found.good:
            raise RuntimeError(f"{kind.name}: {found.bad} bad answers, {found.broken} broken ones")
        return Seen(round=found, cpu=(one.cpu - used) / found.good)

    def _report_rates(self, seen: dict[str, list[Seen]]) -> None:
        rates = {name: median(one.round.rate for one in many) for name, many in seen.items()}
        for name, many in seen.items():
            self._report.tell(
                f"{name}_rate",
                rates[name],
                "1/s",
                p50_ms=_millis(one.round.p50 for one in many),
                p99_ms=_millis(one.round.p99 for one in many),
                cpu_us=round(median(one.cpu for one in many) * 1e6),
                rounds=[round(one.round.rate) for one in many],
            )
        ratio = {name: rate / rates["echo"] for name, rate in rates.items()}
        self._report.judge("accept_over_echo", ratio["accept"], "", ACCEPT)
        self._report.tell("accept_while_working_over_echo", ratio["accept_while_working"], "")
        self._report.judge("turn_over_echo", ratio["turn"], "", TURN)
        for name in ("turn", "accept"):
            kept = rates[f"{name}_with_past"] / rates[name]
            self._report.judge(f"{name}_with_past_over_without", kept, "", PAST)

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
                "memory", one.memory / 1e6, "MB", MEMORY, messages=sent, at_start=round(begun / 1e6)
            )


async def _handled(one: Server) -> float:
    return sum((await one.metric("warmline_turns_total")).values())


def _all_there(database: Path, tag: str, answered: int) -> None:
    """After SIGKILL: every message of the last burst that was answered is in the inbox. Then
    what nobody worked is taken out, for whoever uses this database next."""
    with sqlite3.connect(database) as connection:
        between = (f"rest:{tag}-", f"rest:{tag}.")
        query = "SELECT count(*) FROM inbox WHERE lane > ? AND lane < ?"
        [[there]] = connection.execute(query, between)
        connection.execute("DELETE FROM inbox WHERE state = 'ready'")
    if there < answered:
        raise RuntimeError(f"{answered} messages were answered and {there} are stored")


def _millis(times: Iterable[float]) -> float:
    return round(median(times) * 1e3, 2)


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
