"""How long customers wait for the bot while many desks are open: ``python -m tests.bench.desks``.

Each pair of measurements runs in a new server with 1,000 waiting conversations: first without
desks, then with 200 open ones, in a process of their own. In both, ten messages arrive each second:
five new customers' questions, whose answers are timed, and five messages of waiting customers,
which change the queue on every desk.
"""

from __future__ import annotations

import asyncio
import shutil
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import count
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter

import aiohttp
import msgspec

from tests.bench.capacity.simulation import quantile
from tests.bench.desk_pages import DeskLoad
from tests.bench.fairness import PATH, trained_model
from tests.bench.processes import WARMLINE, Server, server
from tests.bench.questions import questions
from tests.bench.report import BenchError, Report, say, say_outcome

TARGET = "bot_p99_with_desks_over_without"
MOST = 2.0
"""By how much the p99 of the bot's answers may grow."""
DESKS, WAITING, RATE = 200, 1000, 5
"""Open desks, waiting conversations, and messages of each kind in a second."""
AGAIN = 40
"""Waiting customers who write again: the first ones, whom every desk shows."""
PERSON = "I want to talk to a person, please."


class DesksPlan(msgspec.Struct, frozen=True, kw_only=True):
    """How many pairs of measurements, and questions in each measurement."""

    pairs: int
    asked: int


FULL = DesksPlan(pairs=5, asked=200)
QUICK = DesksPlan(pairs=2, asked=50)


class DesksPair(msgspec.Struct, frozen=True, kw_only=True):
    """Sorted seconds from question to answer, and what the desks received. ``busy``: the share of
    a processor that the server itself used without desks, and with them."""

    without: list[float]
    during: list[float]
    busy: tuple[float, float]
    load: DeskLoad

    @property
    def ratio(self) -> float:
        return quantile(self.during, 0.99) / quantile(self.without, 0.99)


async def desks(report: Report, folder: Path, plan: DesksPlan = FULL) -> None:
    """Measure ``plan`` and print the figures."""
    model = await trained_model(folder)
    pairs = [
        await _pair(folder / f"desks-{number}", model, plan, number) for number in range(plan.pairs)
    ]
    for name, seconds in (
        ("bot_p99_without_desks", sorted(s for pair in pairs for s in pair.without)),
        ("bot_p99_with_desks", sorted(s for pair in pairs for s in pair.during)),
    ):
        p99, p50 = quantile(seconds, 0.99) * 1e3, quantile(seconds, 0.5) * 1e3
        report.figure(name, p99, "ms", p50=round(p50, 2))
    report.figure(
        "desk_fetches", sum(pair.load.fetched for pair in pairs), "pages",
        events=sum(pair.load.events for pair in pairs),
        slowest_ms=round(max(pair.load.slowest for pair in pairs) * 1e3),
    )  # fmt: skip
    for name, share in (
        ("server_busy_without_desks", median(pair.busy[0] for pair in pairs)),
        ("server_busy_with_desks", median(pair.busy[1] for pair in pairs)),
    ):
        report.figure(name, share, "processors")
    ratios = [pair.ratio for pair in pairs]
    report.cap(TARGET, median(ratios), "times", MOST, pairs=[round(ratio, 2) for ratio in ratios])


async def _pair(place: Path, model: Path, plan: DesksPlan, number: int) -> DesksPair:
    shutil.copytree(model, place / "nlu_local")
    async with server(place, *WARMLINE) as running, aiohttp.ClientSession(running.url) as http:
        await _fill_queue(http)
        await running.wait_idle()
        await _converse(http, "warm", 25)
        used = [running.parts[0]]
        without = await _converse(http, "without", plan.asked)
        used.append(running.parts[0])
        async with _open_desks(running, place) as load:
            await running.wait_idle()
            used.append(running.parts[0])
            during = await _converse(http, "during", plan.asked)
            used.append(running.parts[0])
    took = plan.asked / RATE
    busy = (used[1] - used[0]) / took, (used[3] - used[2]) / took
    pair = DesksPair(without=without, during=during, busy=busy, load=load)
    for what, found, share in (("without", without, busy[0]), ("with", during, busy[1])):
        p50, p99 = (quantile(found, part) * 1e3 for part in (0.5, 0.99))
        figures = f"p50 {p50:.1f}, p99 {p99:.1f} ms, {share:.0%} busy"
        say(f"pair {number + 1} of {plan.pairs}, {what}: {figures}")
    if load.events < plan.asked:
        raise BenchError(f"the desks heard of {load.events} changes only")
    return pair


async def _fill_queue(http: aiohttp.ClientSession) -> None:
    """Let `WAITING` customers ask for a person."""
    numbers = iter(range(WAITING))

    async def ask() -> None:
        for number in numbers:
            await _say(http, f"waiting-{number}", PERSON)

    await asyncio.gather(*(ask() for _ in range(16)))


async def _converse(http: aiohttp.ClientSession, name: str, times: int) -> list[float]:
    """Ask `RATE` questions a second, as many waiting customers write again, whether or not earlier
    ones are answered. Return the sorted seconds from question to answer."""
    took: list[float] = []

    async def ask(number: int, words: str) -> None:
        begun = perf_counter()
        if not await _say(http, f"{name}-{number}", words):
            raise BenchError("a customer got no answer")
        took.append(perf_counter() - begun)

    begun = perf_counter()
    async with asyncio.TaskGroup() as group:
        for number, words in enumerate(questions(times)):
            group.create_task(ask(number, words))
            await asyncio.sleep(max(0.0, begun + (number + 0.5) / RATE - perf_counter()))
            again = f"waiting-{next(_NEXT) % AGAIN}"
            group.create_task(_say(http, again, f"I still wait, for the {number}th time."))
            await asyncio.sleep(max(0.0, begun + (number + 1) / RATE - perf_counter()))
    return sorted(took)


_NEXT = count()
"""The waiting customer who writes next."""


async def _say(http: aiohttp.ClientSession, sender: str, words: str) -> object:
    async with http.post(PATH, json={"sender": sender, "message": words}) as answer:
        if answer.status != 200:
            raise BenchError(f"a customer got {answer.status}")
        return await answer.json()


@asynccontextmanager
async def _open_desks(running: Server, place: Path) -> AsyncIterator[DeskLoad]:
    """`DESKS` open desks while the block runs. What they received is known after the block."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.bench.desk_pages", running.url, str(DESKS),
        str(place / "desk-password"),
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    if process.stdout is None or process.stdin is None or await process.stdout.readline() == b"":
        raise BenchError("the desks did not open; the error is above")
    load = DeskLoad()
    try:
        yield load
    finally:
        output, _ = await process.communicate(b"")
    found = msgspec.json.decode(output, type=DeskLoad)
    load.events, load.fetched, load.slowest = found.events, found.fetched, found.slowest


def main() -> None:
    report = Report(sys.stdout, [TARGET])
    with report.closing(), TemporaryDirectory() as folder:
        asyncio.run(desks(report, Path(folder)))
    say_outcome(report.exit_code)
    sys.exit(report.exit_code)


if __name__ == "__main__":
    main()
