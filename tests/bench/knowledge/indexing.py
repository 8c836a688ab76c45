"""A customer's turn while pages are indexed, beside one while nothing else happens."""

from __future__ import annotations

import asyncio
import tempfile
import time
from itertools import count
from pathlib import Path

import numpy as np

from gateway import NewDocument, NewPassage, NewSource, Reply
from gateway.testing import FakeChannel, FakeHandler, RunningGateway, running
from plugins.knowledge.search import PassageSearch
from plugins.nlu_local import plugin as nlu_local
from tests.bench.knowledge.figures import RATIO
from tests.bench.report import BenchError, Report

PAGES = 1_000
TURNS = 150
"""Turns of one burst. Bursts with and without indexing alternate."""
ROUNDS = 3
PAUSE = 0.02
"""Seconds between two turns: customers do not wait for one another."""
SENTENCE = "The {0} of page {1} is sent within {2} working days after your {0} has arrived."
THINGS = ("parcel", "refund", "invoice", "voucher", "repair", "contract", "ticket", "spare part")

_CUSTOMERS = count()
"""Each turn is the first of its customer."""


async def measure_turns(report: Report, pages: int) -> None:
    """The 99th percentile of turns with indexing, by that without, in one process that does all:
    the worst case."""
    handler = FakeHandler(lambda turn: Reply(body=(f"You said {turn.message.text}",)))
    with tempfile.TemporaryDirectory(prefix="warmline-bench-") as name:
        config = {"plugins": {"nlu_local": {}}}
        plugins = (nlu_local, handler, FakeChannel())
        async with running(*plugins, tmp_path=Path(name), config=config) as gw:
            await _ready(gw)
            knowledge = gw.services.knowledge
            if knowledge is None or gw.services.encoder is None:
                raise BenchError("the gateway has no store of sources or no encoder")
            search = PassageSearch()
            search.use(gw.services)
            source = await knowledge.add_source(NewSource(location="https://help.example.org/"))
            await _burst(gw, 50)
            quiet, busy = list[float](), list[float]()
            indexed, seconds = 0, 0.0
            for turn in range(ROUNDS):
                quiet += await _burst(gw, TURNS)
                for page in range(pages // ROUNDS):
                    await knowledge.put_document(source.id, _page(turn * pages + page))
                begun = time.perf_counter()
                indexing = asyncio.create_task(_index(search))
                while not indexing.done():
                    busy += await _burst(gw, 10)
                indexed += await indexing
                seconds += time.perf_counter() - begun
    before, during = (float(np.percentile(each, 99)) * 1000 for each in (quiet, busy))
    report.figure("knowledge.turn_p99", before, "ms", indexing=round(during, 1), turns=len(busy))
    report.figure("knowledge.indexed", indexed / seconds, "passages/s", passages=indexed)
    report.cap(RATIO, during / before, "", 2)


async def _index(search: PassageSearch) -> int:
    embedded = await search.embed_all()
    await search.follow()
    await search.learn_words()
    return embedded


async def _burst(gw: RunningGateway, turns: int) -> list[float]:
    times = []
    for number in range(turns):
        customer = gw.customer("fake", f"c{next(_CUSTOMERS)}")
        begun = time.perf_counter()
        await customer.say(f"My parcel number {number} has not arrived yet, where is it?")
        times.append(time.perf_counter() - begun)
        await asyncio.sleep(PAUSE)
    return times


async def _ready(gw: RunningGateway) -> None:
    for _ in range(600):
        async with gw.session() as http, http.get("/readyz") as response:
            if response.status == 200:
                return
        await asyncio.sleep(0.1)
    raise BenchError("the engine did not get ready")


def _page(number: int) -> NewDocument:
    passages = tuple(
        NewPassage(
            headings=(f"{THINGS[(number + part) % 8]} {part}",),
            text=" ".join(
                SENTENCE.format(THINGS[(number + at) % 8], number, at) for at in range(3)
            ),
        )
        for part in range(4)
    )
    return NewDocument(
        location=f"page-{number}",
        title=f"Help page {number}",
        language="en",
        digest=str(number),
        passages=passages,
    )
