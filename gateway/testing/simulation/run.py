"""Runs a simulated month and writes what came of it."""

from __future__ import annotations

from pathlib import Path

from gateway.settings import Settings
from gateway.testing.simulation.ledger import Ledger
from gateway.testing.simulation.month import Month
from gateway.testing.simulation.real_shop import open_shop
from gateway.testing.simulation.scenario import Scenario


async def simulate(settings: Settings, scenario: Scenario, out: Path) -> Ledger:
    """Play ``scenario`` through a real gateway: the database in ``out/data``, the truth in
    ``out/ledger.jsonl``. Returns the truth."""
    async with open_shop(settings, scenario, out / "data") as shop:
        ledger = await Month(scenario, shop).run()
    ledger.write(out / "ledger.jsonl")
    return ledger
