"""The real store does what the model does: otherwise the model would prove nothing."""

from __future__ import annotations

import asyncio
import os
import random
import shutil
from datetime import timedelta
from pathlib import Path

import pytest

from gateway.adapters.sql.engine.opening import migrate
from gateway.adapters.sql.engine.sqlite import SqliteDatabase
from gateway.adapters.sql.store import SqlStore
from tests.model.protocol import start, steps
from tests.model.scenarios import SCENARIOS
from tests.model.state import Scenario, Step
from tests.model.store_driver import StoreDriver, expected_snapshot, read_snapshot

SEED = int(os.environ.get("WARMLINE_MODEL_SEED", random.randrange(10**6)))  # noqa: S311
WALKS = int(os.environ.get("WARMLINE_MODEL_WALKS", "8"))
MISHAP_SHARE = 0.2
"""How often a walk prefers a mishap to a step that happens anyway."""
IDLE = timedelta(hours=24)
WITHOUT_SLEEPING_SENDERS = [
    name for name, scenario in SCENARIOS.items() if not scenario.budget.send_stalls
]


@pytest.fixture(scope="module")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty database, to copy."""
    file = tmp_path_factory.mktemp("model") / "empty.db"
    asyncio.run(_create(file))
    return file


async def _create(file: Path) -> None:
    database = SqliteDatabase(file)
    await migrate(database)
    await database.stop()


@pytest.mark.parametrize("name", WITHOUT_SLEEPING_SENDERS)
async def test_the_store_holds_what_the_model_says(
    name: str, empty_database: Path, tmp_path: Path
) -> None:
    """After each step of random walks. WARMLINE_MODEL_SEED repeats the walks, WARMLINE_MODEL_WALKS
    sets their number."""
    for number in range(WALKS):
        file = shutil.copy(empty_database, tmp_path / f"{number}.db")
        databases = (SqliteDatabase(file), SqliteDatabase(file))
        try:
            stores = (SqlStore(databases[0], idle=IDLE), SqlStore(databases[1], idle=IDLE))
            driver = StoreDriver(SCENARIOS[name], stores)
            await _walk(SCENARIOS[name], driver, databases[0], random.Random(SEED + number))  # noqa: S311
        finally:
            for database in databases:
                await database.stop()


async def _walk(
    scenario: Scenario, driver: StoreDriver, database: SqliteDatabase, rng: random.Random
) -> None:
    state, story = start(scenario), [Step(f"WARMLINE_MODEL_SEED={SEED}")]
    while next_steps := list(steps(scenario, state)):
        mishaps = [pair for pair in next_steps if pair[0].mishap]
        usual = [pair for pair in next_steps if not pair[0].mishap]
        step, after = rng.choice(
            mishaps if mishaps and rng.random() < MISHAP_SHARE else usual or mishaps
        )
        story.append(step)
        await driver.apply(step, state)
        state = after
        snapshot = await database.read(lambda c: read_snapshot(c, scenario.policy == "mailbox"))
        assert snapshot == expected_snapshot(state), "\n".join(map(str, story))
