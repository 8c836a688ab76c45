"""A simulated month, read truly: what rests on events equals what its ledger says, to the case.

The ledger is written by the simulated customers and agents, not by the gateway. Everything here is
counted from it by other code than the measures'.
"""

from __future__ import annotations

import asyncio
from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from statistics import mean
from typing import Any, NamedTuple

import msgspec
import pytest

from gateway.app import build_gateway
from gateway.cli.common import load_settings
from gateway.plugins import installed_plugins
from gateway.testing import FakeClock
from gateway.testing.simulation import LedgerRow, Scenario, read_ledger, simulate
from plugins.insights.facts.case_facts import MOOD_SCALE
from plugins.insights.measures.service import Measures
from plugins.insights.measures.values import MeasuredPeriod
from plugins.insights.settings import InsightsSettings

MONTH = Scenario(seed=5, days=9, per_day=12, perception="truth")
SINCE, UNTIL = date(2026, 3, 1), date(2026, 4, 30)
WEEK, LONG = timedelta(days=7), timedelta(days=30)
ANSWERS = {"answer", "message"}
UPSET = {"anxious", "frustrated", "angry"}


class Played(NamedTuple):
    """A month: its truth, and what is measured of it when all that could follow has followed."""

    rows: list[LedgerRow]
    found: MeasuredPeriod


async def measure(folder: Path) -> MeasuredPeriod:
    """The figures of the database in ``folder``, two months later."""
    settings = load_settings(None)
    core = settings.core.model_copy(
        update={"data_dir": folder, "database_url": f"sqlite:///{folder / 'warmline.db'}"}
    )
    gateway = build_gateway(installed_plugins(), settings.replace(core=core))
    await gateway.open_database()
    try:
        services = msgspec.structs.replace(
            gateway.services, clock=FakeClock(datetime(2026, 6, 1, tzinfo=UTC)), encoder=None
        )
        measures = Measures(services, InsightsSettings(least=1))
        await measures.refresh()
        return await measures.between(SINCE, UNTIL)
    finally:
        await gateway.store.stop()


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Played:
    out = tmp_path_factory.mktemp("month")

    async def play() -> MeasuredPeriod:
        await simulate(load_settings(None), MONTH, out)
        return await measure(out / "data")

    found = asyncio.run(play())
    return Played(read_ledger(out / "ledger.jsonl"), found)
