"""A turn that is answered from sources, beside one with a written answer, of the demo's server.

The sources are the test help centre. Which questions are answered from them, and which have a
written answer, is found by asking all of them once; then they are timed in new servers, which
remember nothing of them, one after another and each by a new customer. Before, these servers have
answered the other questions, as one that has run for some hours.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from itertools import count
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import NamedTuple

import aiohttp

from gateway.plugins import default_config
from tests.bench.processes import WARMLINE, Runtime, Server, environment, server
from tests.bench.questions import questions
from tests.bench.report import BenchError, Report, say
from tests.bench.workloads import REST
from tests.knowledge.search.shop import DEVELOPMENT, KNOWLEDGE, MUSIC, asked
from tests.knowledge.test_helpcentre import SHOP

COST = "knowledge.turn_over_written"
MOST = 1.5
ROUNDS = 5
LEAST = 20
"""Questions of each kind, at least."""
AT_REST, TAKEN_IN = 5.0, 300.0
"""Seconds without work by which a server shows that it has taken in its sources, and the most that
it may need."""
WITH_SOURCES = Runtime(environ={"WARMLINE_PLUGINS__KNOWLEDGE__ANSWER": "true"})

_CUSTOMERS = count()
"""Each question is the first of its customer."""


class Questions(NamedTuple):
    """Those that are answered from sources, as many that have a written answer, and those about the
    sources that the bot is not sure of."""

    sourced: Sequence[str]
    written: Sequence[str]
    others: Sequence[str]


async def measure_sources(report: Report, folder: Path) -> None:
    """The median time of turns from sources, by that of written ones, in each round."""
    place = folder / "shop"
    await asyncio.to_thread(place.mkdir)
    await _add_sources(place)
    say("looking for questions that the sources answer ...")
    async with server(place, *WARMLINE, runtime=WITH_SOURCES) as running:
        await running.wait_idle(at_rest=AT_REST, within=TAKEN_IN)  # until all is embedded
        chosen = await _choose(running)
    ratios, sourced, written = list[float](), list[float](), list[float]()
    for number in range(ROUNDS):
        async with server(place, *WARMLINE, runtime=WITH_SOURCES) as running:
            times = await _round(running, chosen)
        ratios.append(median(times[0]) / median(times[1]))
        sourced += times[0]
        written += times[1]
        say(f"round {number + 1} of {ROUNDS}: {ratios[-1]:.2f}")
    for name, times_of in (("sourced", sourced), ("written", written)):
        report.figure(f"knowledge.turn_{name}", median(times_of) * 1e3, "ms", turns=len(times_of))
    report.cap(COST, median(ratios), "", MOST, rounds=[round(each, 2) for each in ratios])


async def _add_sources(place: Path) -> None:
    command = [WARMLINE[0], "knowledge", "add", str(SHOP), "--config", str(default_config())]
    added = await asyncio.create_subprocess_exec(
        *command, env=environment(place), stdout=asyncio.subprocess.DEVNULL
    )
    if await added.wait() != 0:
        raise BenchError("the sources could not be added")


async def _choose(running: Server) -> Questions:
    own = MUSIC._replace(questions=tuple(KNOWLEDGE / name for name in DEVELOPMENT))
    candidates = [each.question for each in asked(own) if each.language == "en"]
    async with aiohttp.ClientSession() as session:
        sourced = [q for q in candidates if "\n\nFrom: " in (await _ask(session, running, q))[1]]
        plain = questions(4 * len(sourced))
        written = [q for q in plain if "/shop/help#" in (await _ask(session, running, q))[1]]
    most = min(len(sourced), len(written))
    if most < LEAST:
        raise BenchError(f"only {most} questions are answered in each way")
    return Questions(sourced[:most], written[:most], [q for q in candidates if q not in sourced])


async def _round(running: Server, chosen: Questions) -> tuple[list[float], list[float]]:
    """Seconds of the turns of each kind."""
    times = (list[float](), list[float]())
    async with aiohttp.ClientSession() as session:
        for question in chosen.others:
            await _ask(session, running, question)
        await running.wait_idle(at_rest=AT_REST, within=TAKEN_IN)
        for pair in zip(chosen.sourced, chosen.written, strict=True):
            for kind, question in enumerate(pair):
                times[kind].append((await _ask(session, running, question))[0])
    return times


async def _ask(session: aiohttp.ClientSession, running: Server, question: str) -> tuple[float, str]:
    """Seconds until the answer, and its text."""
    body = {"sender": f"customer-{next(_CUSTOMERS)}", "message": question}
    begun = perf_counter()
    async with session.post(running.url + REST, json=body) as response:
        answers = await response.json()
    return perf_counter() - begun, "\n".join(each.get("text", "") for each in answers)
