"""What a quiet customer feels while another one floods us: ``python -m tests.bench.fairness``.

Spells without and with the flood take turns, each pair in a server of its own, so that the
machine's moods hit both. The flood is one customer in a process of his own (wrk) who writes as
fast as we commit it and waits for no answer, up to 10,000 messages in a spell; the quiet ones
ask, wait for the answer, and go. Flooded are all questions from the first message of the flood
on, the backlog that it leaves included.
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

from tests.bench.capacity.queues import quantile
from tests.bench.processes import WARMLINE, WORKING_DOOR, Server, server
from tests.bench.questions import questions
from tests.bench.report import Report, say

TARGET = "quiet_p99_while_one_floods_over_calm"
MOST = 2.0
"""How many times the quiet customers' p99 may grow, at most."""
PATH = "/webhooks/rest/webhook"
FLOOD = Path(__file__).with_name("flood.lua")
TOLD = re.compile(rb"^RESULT (\{.*\})$", re.MULTILINE)
FLOODS, SIDE_BY_SIDE, LONG = 10_000, 48, 600
"""Messages of one spell of flood, connections it comes by, seconds it goes on at most."""


class Flood(msgspec.Struct, kw_only=True):
    """What came of a flood: messages ``taken``, and ``refused`` with 503."""

    taken: int = 0
    refused: int = 0


class Spells(msgspec.Struct, frozen=True, kw_only=True):
    """How many pairs, and questions in each half."""

    pairs: int
    asked: int


FULL = Spells(pairs=5, asked=200)
QUICK = Spells(pairs=2, asked=50)


async def fairness(report: Report, folder: Path, spells: Spells = FULL) -> None:
    """Measure it and tell it."""
    if shutil.which("wrk") is None:
        return report.not_run(TARGET, "wrk, which makes the flood, is not installed")
    pairs = [
        await _pair(folder / f"pair{number}", await learnt(folder), spells, number)
        for number in range(spells.pairs)
    ]
    calm = sorted(one for quiet, _, _ in pairs for one in quiet)
    flooded = sorted(one for _, loud, _ in pairs for one in loud)
    taken, refused = sum(f.taken for *_, f in pairs), sum(f.refused for *_, f in pairs)
    ratios = [_p99(loud) / _p99(quiet) for quiet, loud, _ in pairs]
    report.tell("quiet_p99", _p99(calm) * 1e3, "ms", p50=round(quantile(calm, 0.5) * 1e3, 2))
    report.tell(
        "quiet_p99_while_one_floods", _p99(flooded) * 1e3, "ms",
        p50=round(quantile(flooded, 0.5) * 1e3, 2), taken=taken, refused=refused,
    )  # fmt: skip
    report.bound(TARGET, median(ratios), "times", MOST, pairs=[round(one, 2) for one in ratios])
    return None


async def learnt(folder: Path) -> Path:
    """What the demo learns at its first start, so that no other one has to."""
    place = folder / "learnt"
    if not place.exists():
        say("first start, which trains ...")
        async with server(place, *WARMLINE):
            pass
    return place / "nlu_local"


async def _pair(
    place: Path, model: Path, spells: Spells, number: int
) -> tuple[list[float], list[float], Flood]:
    lines = _lay_out(place, model)
    async with server(place, *WORKING_DOOR) as one, aiohttp.ClientSession(one.url) as http:
        await _ask(http, "warm", 30)
        calm = await _ask(http, "calm", spells.asked)
        async with _flood(one, lines) as flood:
            flooded = await _ask(http, "flooded", spells.asked)
        await one.end(kill=True)  # nobody waits for the backlog
    told = " and ".join(f"{_p99(some) * 1e3:.0f} ms" for some in (calm, flooded))
    say(f"pair {number + 1} of {spells.pairs}: p99 {told}, {flood.taken} messages in the flood")
    return calm, flooded, flood


def _lay_out(place: Path, model: Path) -> Path:
    """A folder for a server that has learnt already; gives the flood's questions in it."""
    shutil.copytree(model, place / "nlu_local")
    lines = place / "questions"
    lines.write_bytes(b"\n".join(msgspec.json.encode(text) for text in questions(997)) + b"\n")
    return lines


async def _ask(http: aiohttp.ClientSession, name: str, times: int) -> list[float]:
    """Seconds from each question to its answer, ascending. Each is somebody else's."""
    found = []
    for number, words in enumerate(questions(times)):
        begun = perf_counter()
        body = {"sender": f"{name}-{number}", "message": words}
        async with http.post(PATH, json=body) as answer:
            if answer.status != 200 or not await answer.json():
                raise RuntimeError(f"a quiet customer got {answer.status}, and no words")
        found.append(perf_counter() - begun)
    return sorted(found)


@asynccontextmanager
async def _flood(one: Server, lines: Path) -> AsyncIterator[Flood]:
    """One customer writes while the block runs, at most `FLOODS` messages."""
    flood, before = Flood(), await _taken(one)
    process = await asyncio.create_subprocess_exec(
        "wrk", "-t1", f"-c{SIDE_BY_SIDE}", f"-d{LONG}s", "-s", str(FLOOD), f"{one.url}/door",
        "--", str(FLOODS), str(lines),
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    try:
        while await _taken(one) == before:  # noqa: ASYNC110  (another process's)
            await asyncio.sleep(0.01)
        yield flood
    finally:
        if process.returncode is None:
            process.send_signal(2)
        said, _ = await process.communicate()
    if (found := TOLD.search(said)) is None:
        raise RuntimeError(f"wrk failed: {said.decode(errors='replace')}")
    told = msgspec.json.decode(found.group(1), type=Flood)
    flood.taken, flood.refused = told.taken, told.refused


async def _taken(one: Server) -> float:
    return sum((await one.metric("warmline_accepted_total")).values())


def _p99(ascending: list[float]) -> float:
    return quantile(ascending, 0.99)


def main() -> None:
    report = Report(sys.stdout, [TARGET])
    try:
        with TemporaryDirectory() as folder:
            asyncio.run(fairness(report, Path(folder)))
    finally:
        report.close()
    sys.exit(0 if report.good else 1)


if __name__ == "__main__":
    main()
