"""Derives the facts of many conversations, in a thread or, for whole histories, in other processes.

Reading words takes most of the time and is all Python, which runs on one processor at a time in a
process.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from datetime import tzinfo
from zoneinfo import ZoneInfo

import msgspec
import structlog

from gateway import CaseRecord
from plugins.insights.facts.case_facts import CaseFacts
from plugins.insights.facts.derive import DETECTORS, TextDetectors, derive_facts

log = structlog.get_logger()
MOST_WORKERS = 4
WORTH_WORKERS = 2_000
"""Conversations from which starting other processes saves time."""


class InThread:
    """Derives in a thread of this process."""

    def __init__(self, zone: tzinfo, detectors: TextDetectors) -> None:
        self._zone = zone
        self._detectors = detectors

    async def derive(
        self, cases: Sequence[CaseRecord], first_claims: Mapping[str, float]
    ) -> list[CaseFacts]:
        return await asyncio.to_thread(
            lambda: [derive_facts(c, self._zone, first_claims, self._detectors) for c in cases]
        )


class InProcesses:
    """Derives in worker processes. When they die (no memory), ``otherwise`` goes on."""

    def __init__(self, timezone: str, otherwise: InThread) -> None:
        self._timezone = timezone
        self._otherwise = otherwise
        self.workers = max(1, min(MOST_WORKERS, (os.cpu_count() or 2) - 1))
        # Spawned, not forked: this process has threads, which a fork would cut off.
        spawn = multiprocessing.get_context("spawn")
        self._pool = ProcessPoolExecutor(self.workers, mp_context=spawn)
        self._died = False

    async def derive(
        self, cases: Sequence[CaseRecord], first_claims: Mapping[str, float]
    ) -> list[CaseFacts]:
        if self._died:
            return await self._otherwise.derive(cases, first_claims)
        packed = await asyncio.to_thread(msgspec.msgpack.encode, cases)
        loop = asyncio.get_running_loop()
        try:
            derived = await loop.run_in_executor(
                self._pool, derive_packed, packed, self._timezone, dict(first_claims)
            )
        except BrokenProcessPool:
            if not self._died:  # calls that were made at the same moment end so, too
                log.warning("facts.workers_died", hint="this process derives the rest by itself")
            self._died = True
            return await self._otherwise.derive(cases, first_claims)
        return msgspec.msgpack.decode(derived, type=list[CaseFacts])

    async def stop(self) -> None:
        """End the processes, after what they do now."""
        await asyncio.to_thread(self._pool.shutdown, cancel_futures=True)


def derive_packed(packed: bytes, timezone: str, first_claims: Mapping[str, float]) -> bytes:
    """What a worker process does: records in, facts out, both in msgpack."""
    cases = msgspec.msgpack.decode(packed, type=list[CaseRecord])
    zone = ZoneInfo(timezone)
    return msgspec.msgpack.encode(
        [derive_facts(case, zone, first_claims, DETECTORS) for case in cases]
    )
