"""What a quiet customer feels while another one floods us: ``python -m tests.bench.fairness``.

Rounds without and with the flood take turns in one server, so that the machine's moods hit both.
The flood is one customer who posts as fast as we take it and waits for no answer, up to 10,000
messages in a round; the quiet one asks, waits for the answer, and asks again.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from statistics import quantiles
from tempfile import TemporaryDirectory
from time import perf_counter

import aiohttp

from tests.bench.processes import WARMLINE, Server, server
from tests.bench.report import Report

PATH = "/webhooks/rest/webhook"
WORDS = "How long does shipping take?"
ROUNDS = 4
ASKED = 150
FLOOD = 10_000
SIDE_BY_SIDE = 48
MOST = 2.0
"""How many times the quiet customer's p99 may grow, at most."""


async def fairness(report: Report, folder: Path) -> None:
    """Measure it and tell it."""
    calm: list[float] = []
    flooded: list[float] = []
    async with server(folder, *WARMLINE) as one:
        await _ask(one, 30)  # everything is loaded by then
        for _ in range(ROUNDS):
            calm += await _ask(one, ASKED)
            async with _flood(one):
                flooded += await _ask(one, ASKED)
            await _quiet_again(one)
        taken = sum((await one.metric("warmline_accepted_total")).values())
    before, during = (1000 * quantiles(some, n=100)[98] for some in (calm, flooded))
    report.tell("quiet_p99", before, "ms")
    report.tell("quiet_p99_while_one_floods", during, "ms", taken=int(taken))
    report.bound("fairness", during / before, "times", MOST)


async def _ask(one: Server, times: int) -> list[float]:
    """Seconds from each question to its answer."""
    found = []
    async with aiohttp.ClientSession(one.url) as http:
        for number in range(times):
            begun = perf_counter()
            body = {"sender": f"quiet{number % 10}", "message": WORDS}
            async with http.post(PATH, json=body) as answer:
                if answer.status != 200 or not await answer.json():
                    raise RuntimeError(f"the quiet customer was answered {answer.status}")
            found.append(perf_counter() - begun)
    return found


@asynccontextmanager
async def _flood(one: Server) -> AsyncIterator[None]:
    """One customer posts while the block runs, at most `FLOOD` times."""
    left = iter(range(FLOOD))

    async def post(http: aiohttp.ClientSession) -> None:
        for _ in left:
            with suppress(TimeoutError, aiohttp.ClientError):
                async with http.post(PATH, json={"sender": "flood", "message": WORDS}):
                    pass

    timeout = aiohttp.ClientTimeout(total=0.05)
    async with aiohttp.ClientSession(one.url, timeout=timeout) as http:
        posting = [asyncio.create_task(post(http)) for _ in range(SIDE_BY_SIDE)]
        await asyncio.sleep(0.5)
        try:
            yield
        finally:
            for task in posting:
                task.cancel()
            await asyncio.gather(*posting, return_exceptions=True)


async def _quiet_again(one: Server) -> None:
    """Until the flood is worked off."""
    while (await one.metric("warmline_waiting_rows")).get('{queue="inbox"}', 0) > 0:  # noqa: ASYNC110  (another process's)
        await asyncio.sleep(1)


def main() -> None:
    report = Report(sys.stdout)
    with TemporaryDirectory() as folder:
        asyncio.run(fairness(report, Path(folder)))
    sys.exit(0 if report.good else 1)


if __name__ == "__main__":
    main()
