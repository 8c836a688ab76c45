"""How long other customers wait while one customer floods the server: ``python -m
tests.bench.fairness``.

Each pair of measurements, without and with the flood, runs in a new server, so that changes in the
machine's speed affect both. The flood is one customer in a process of its own (wrk), who writes as
fast as messages are committed, up to 10,000 messages, without waiting for answers. The others ask
a question, wait for the answer, and are gone. The measurement with the flood starts with its first
message and includes the backlog that it leaves.
"""

from __future__ import annotations

import asyncio
import re
import shutil
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter

import aiohttp
import msgspec

from tests.bench.capacity.simulation import quantile
from tests.bench.processes import ACCEPT_SERVER, WARMLINE, Server, server
from tests.bench.questions import questions
from tests.bench.report import BenchError, Report, say, say_outcome

TARGET = "quiet_p99_while_one_floods_over_calm"
MOST = 2.0
"""By how much the p99 of the other customers may grow."""
PATH = "/webhooks/rest/webhook"
FLOOD = Path(__file__).with_name("flood.lua")
RESULT = re.compile(rb"^RESULT (\{.*\})$", re.MULTILINE)
FLOODS, SIDE_BY_SIDE, LONG = 10_000, 48, 600
"""Of a flood: messages, connections, and the most seconds."""


class Flood(msgspec.Struct, kw_only=True):
    """The result of a flood: messages accepted (``taken``), and refused with 503."""

    taken: int = 0
    refused: int = 0


class FairnessPlan(msgspec.Struct, frozen=True, kw_only=True):
    """How many pairs of measurements, and questions in each measurement."""

    pairs: int
    asked: int


FULL = FairnessPlan(pairs=5, asked=200)
QUICK = FairnessPlan(pairs=2, asked=50)


async def fairness(report: Report, folder: Path, plan: FairnessPlan = FULL) -> None:
    """Measure and report it."""
    if shutil.which("wrk") is None:
        return report.not_run(TARGET, "wrk, which makes the flood, is not installed")
    pairs = [
        await _pair(folder / f"pair{number}", await trained_model(folder), plan, number)
        for number in range(plan.pairs)
    ]
    calm = sorted(seconds for without, _, _ in pairs for seconds in without)
    flooded = sorted(seconds for _, during, _ in pairs for seconds in during)
    taken, refused = sum(f.taken for *_, f in pairs), sum(f.refused for *_, f in pairs)
    ratios = [_p99(during) / _p99(without) for without, during, _ in pairs]
    report.figure("quiet_p99", _p99(calm) * 1e3, "ms", p50=round(quantile(calm, 0.5) * 1e3, 2))
    report.figure(
        "quiet_p99_while_one_floods", _p99(flooded) * 1e3, "ms",
        p50=round(quantile(flooded, 0.5) * 1e3, 2), taken=taken, refused=refused,
    )  # fmt: skip
    report.bound(TARGET, median(ratios), "times", MOST, pairs=[round(ratio, 2) for ratio in ratios])
    return None


async def trained_model(folder: Path) -> Path:
    """What the demo's first start trains, so that no other server has to."""
    place = folder / "trained"
    if not place.exists():
        say("first start, which trains the intents ...")
        async with server(place, *WARMLINE):
            pass
    return place / "nlu_local"


async def _pair(
    place: Path, model: Path, plan: FairnessPlan, number: int
) -> tuple[list[float], list[float], Flood]:
    lines = _prepare(place, model)
    async with server(place, *ACCEPT_SERVER) as running, aiohttp.ClientSession(running.url) as http:
        await _ask(http, "warm", 30)
        calm = await _ask(http, "calm", plan.asked)
        async with _flood(running, lines) as flood:
            flooded = await _ask(http, "flooded", plan.asked)
        await running.end(kill=True)  # nobody needs the rest of the backlog
    p99s = " and ".join(f"{_p99(seconds) * 1e3:.0f} ms" for seconds in (calm, flooded))
    say(f"pair {number + 1} of {plan.pairs}: p99 {p99s}, {flood.taken} messages in the flood")
    return calm, flooded, flood


def _prepare(place: Path, model: Path) -> Path:
    """Make a folder for a server that has trained already, and return the file of the flood's
    questions in it."""
    shutil.copytree(model, place / "nlu_local")
    lines = place / "questions"
    lines.write_bytes(b"\n".join(msgspec.json.encode(text) for text in questions(997)) + b"\n")
    return lines


async def _ask(http: aiohttp.ClientSession, name: str, times: int) -> list[float]:
    """Seconds from each question to its answer, sorted. Each question has a new sender."""
    found = []
    for number, words in enumerate(questions(times)):
        begun = perf_counter()
        body = {"sender": f"{name}-{number}", "message": words}
        async with http.post(PATH, json=body) as answer:
            if answer.status != 200 or not await answer.json():
                raise BenchError(f"a customer got {answer.status} and no answer")
        found.append(perf_counter() - begun)
    return sorted(found)


@asynccontextmanager
async def _flood(running: Server, lines: Path) -> AsyncIterator[Flood]:
    """One customer writes while the block runs, at most `FLOODS` messages."""
    flood, before = Flood(), await _taken(running)
    process = await asyncio.create_subprocess_exec(
        "wrk", "-t1", f"-c{SIDE_BY_SIDE}", f"-d{LONG}s", "-s", str(FLOOD), f"{running.url}/accept",
        "--", str(FLOODS), str(lines),
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    try:
        while await _taken(running) == before:  # noqa: ASYNC110  (a metric of another process)
            await asyncio.sleep(0.01)
        yield flood
    finally:
        if process.returncode is None:
            process.send_signal(2)
        output, _ = await process.communicate()
    if (found := RESULT.search(output)) is None:
        raise BenchError(f"wrk failed: {output.decode(errors='replace')}")
    result = msgspec.json.decode(found.group(1), type=Flood)
    flood.taken, flood.refused = result.taken, result.refused


async def _taken(running: Server) -> float:
    return sum((await running.metric("warmline_accepted_total")).values())


def _p99(ascending: list[float]) -> float:
    return quantile(ascending, 0.99)


def main() -> None:
    report = Report(sys.stdout, [TARGET])
    with report.closing(), TemporaryDirectory() as folder:
        asyncio.run(fairness(report, Path(folder)))
    say_outcome(report.exit_code)
    sys.exit(report.exit_code)


if __name__ == "__main__":
    main()
