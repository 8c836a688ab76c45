"""Runs a simulated month and writes what came of it."""

from __future__ import annotations

from collections.abc import Coroutine
from pathlib import Path
from typing import Any, TypeVar

from gateway.model import CaseRecord
from gateway.settings import Settings
from gateway.testing.simulation.ledger import Ledger
from gateway.testing.simulation.month import Month
from gateway.testing.simulation.quick_shop import QuickShop
from gateway.testing.simulation.real_shop import open_shop
from gateway.testing.simulation.scenario import Scenario

T = TypeVar("T")


async def simulate(settings: Settings, scenario: Scenario, out: Path) -> Ledger:
    """Play ``scenario`` through a real gateway: the database in ``out/data``, the truth in
    ``out/ledger.jsonl``. Returns the truth."""
    async with open_shop(settings, scenario, out / "data") as shop:
        ledger = await Month(scenario, shop).run()
    ledger.write(out / "ledger.jsonl")
    return ledger


def simulate_records(scenario: Scenario) -> tuple[tuple[CaseRecord, ...], Ledger]:
    """Play ``scenario`` without a gateway, in about a second a month: the records that a gateway
    whose readers know the truth would have, as far as statistics need them, and the truth."""
    shop = QuickShop()
    ledger = _finish(Month(scenario, shop).run())
    return tuple(case.record() for case in shop.cases), ledger


def _finish(steps: Coroutine[Any, Any, T]) -> T:
    """The result of a coroutine that never waits for anything: no event loop is needed, so that it
    can be called from anywhere."""
    try:
        steps.send(None)
    except StopIteration as stop:
        result: T = stop.value
        return result
    raise RuntimeError("the quick shop waited for something")
