"""A worker process derives what this process would."""

from __future__ import annotations

from concurrent.futures.process import BrokenProcessPool
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from plugins.insights.facts.derive import DETECTORS
from plugins.insights.facts.deriving import InProcesses, InThread
from tests.insights.measures.made_up import AGENTS, BEGIN, any_case

CASES = [any_case(Random(id), id, 1, BEGIN) for id in range(1, 30)]  # noqa: S311  (not for secrets)
CLAIMS = {agent.id: BEGIN.timestamp() - 86_400 * 50 for agent in AGENTS}
IN_THREAD = InThread(ZoneInfo("Europe/Berlin"), DETECTORS)


async def test_processes_derive_the_same() -> None:
    processes = InProcesses("Europe/Berlin", IN_THREAD)
    try:
        found = await processes.derive(CASES, CLAIMS)
    finally:
        await processes.stop()
    assert found == await IN_THREAD.derive(CASES, CLAIMS)
    assert {case.day for case in found} == {"2026-03-02"}


async def test_this_process_goes_on_when_the_others_die(monkeypatch: pytest.MonkeyPatch) -> None:
    def die(*_: Any, **__: Any) -> None:
        raise BrokenProcessPool("no memory")

    processes = InProcesses("Europe/Berlin", IN_THREAD)
    monkeypatch.setattr(processes._pool, "submit", die)
    try:
        assert len(await processes.derive(CASES, CLAIMS)) == len(CASES)
    finally:
        await processes.stop()
