"""The model is worth something only if the code does the same: both go the same ways."""

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
from tests.model.real import House, look, seen
from tests.model.state import Step, World
from tests.model.worlds import WORLDS

SEED = int(os.environ.get("WARMLINE_MODEL_SEED", random.randrange(10**6)))  # noqa: S311
WALKS = int(os.environ.get("WARMLINE_MODEL_WALKS", "8"))
EARLY = 0.2
"""How often a walk prefers a mishap to what would come anyway."""
IDLE = timedelta(hours=24)
AWAKE = [name for name, world in WORLDS.items() if not world.luck.send_stalls]


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty database, to be copied."""
    file = tmp_path_factory.mktemp("model") / "fresh.db"
    asyncio.run(_laid_out(file))
    return file


async def _laid_out(file: Path) -> None:
    database = SqliteDatabase(file)
    await migrate(database)
    await database.stop()


@pytest.mark.parametrize("name", AWAKE)
async def test_the_store_goes_where_the_model_goes(name: str, fresh: Path, tmp_path: Path) -> None:
    """After each step of random walks the database holds what the model says. WARMLINE_MODEL_SEED
    repeats them, WARMLINE_MODEL_WALKS makes more of them."""
    for number in range(WALKS):
        file = shutil.copy(fresh, tmp_path / f"{number}.db")
        databases = (SqliteDatabase(file), SqliteDatabase(file))
        try:
            stores = (SqlStore(databases[0], idle=IDLE), SqlStore(databases[1], idle=IDLE))
            services = House(WORLDS[name], stores)
            await _walk(WORLDS[name], services, databases[0], random.Random(SEED + number))  # noqa: S311
        finally:
            for one in databases:
                await one.stop()


async def _walk(
    world: World, services: House, database: SqliteDatabase, rng: random.Random
) -> None:
    state, story = start(world), [Step(f"WARMLINE_MODEL_SEED={SEED}")]
    while follows := list(steps(world, state)):
        mishaps = [one for one in follows if one[0].mishap]
        usual = [one for one in follows if not one[0].mishap]
        step, after = rng.choice(mishaps if mishaps and rng.random() < EARLY else usual or mishaps)
        story.append(step)
        await services.follow(step, state)
        state = after
        found = await database.read(lambda c: look(c, world.policy == "mailbox"))
        assert found == seen(state), "\n".join(map(str, story))
