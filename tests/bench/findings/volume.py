"""How long the findings take over a million messages, and how much memory."""

from __future__ import annotations

import asyncio
import resource
import sys
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from datetime import timedelta
from itertools import islice
from typing import NamedTuple

from gateway import CaseRecord
from gateway.testing.simulation import Scenario, simulate_records
from plugins.insights.findings import find
from tests.bench.findings.months import shop_inputs

MONTHS = 4
"""Different simulated months whose conversations are repeated."""
SHIFT = 10_000_000
"""Added to the ids of each repetition."""


class Volume(NamedTuple):
    """``seconds`` of processor time without making the conversations; ``megabytes`` above what the
    process had before, and its ``peak``."""

    messages: int
    conversations: int
    seconds: float
    megabytes: float
    peak: float
    findings: int


def measure_volume(messages: int) -> Volume:
    """Look for findings in so many messages. Call it in a process of its own."""
    months = [simulate_records(Scenario(seed=seed))[0] for seed in range(MONTHS)]
    scenario = Scenario(seed=0)
    inputs = shop_inputs()
    made, counts = [0.0], [0, 0]
    before = _megabytes()

    async def pages() -> AsyncIterator[Sequence[CaseRecord]]:
        cases = _repeated(months)
        while counts[0] < messages:
            begun = time.process_time()
            page = tuple(islice(cases, 200))
            made[0] += time.process_time() - begun
            counts[0] += sum(len(case.messages) for case in page)
            counts[1] += len(page)
            yield page

    begun = time.process_time()
    found = asyncio.run(
        find(pages(), since=scenario.start, until=scenario.end + timedelta(days=1), inputs=inputs)
    )
    seconds = time.process_time() - begun - made[0]
    peak = _megabytes()
    return Volume(counts[0], counts[1], seconds, peak - before, peak, len(found))


def _repeated(months: Sequence[Sequence[CaseRecord]]) -> Iterator[CaseRecord]:
    """The conversations again and again, each time with other ids."""
    shift = 0
    while True:
        for cases in months:
            for case in cases:
                yield case.replace(
                    conversation=case.conversation.replace(id=case.conversation.id + shift),
                    customer=case.customer + shift,
                    messages=tuple(m.replace(id=m.id + shift) for m in case.messages),
                    suggestions=tuple(s.replace(id=s.id + shift) for s in case.suggestions),
                )
            shift += SHIFT


def _megabytes() -> float:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (2**20 if sys.platform == "darwin" else 2**10)
