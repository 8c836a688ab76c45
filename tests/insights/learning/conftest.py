"""The shop, empty or with proposals in every state."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest

from gateway.testing.databases import ON_POSTGRES
from tests.agents_desk.conftest import as_config, user
from tests.insights.learning.proposals import prepare
from tests.insights.learning.shop import Shop, open_shop

LATER = datetime(2026, 3, 2, 11, 0, tzinfo=UTC)
"""When the shop with proposals opens again."""


def people() -> list[object]:
    """Ana and Ben are leads, Cleo is an agent."""
    return [as_config(user("ana")), as_config(user("ben")), as_config(user("cleo", "agent"))]


@pytest.fixture
async def shop(tmp_path: Path) -> AsyncIterator[Shop]:
    async with open_shop(tmp_path) as found:
        yield found


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the data of the shop and its proposals, made once."""
    folder = tmp_path_factory.mktemp("proposals")

    async def make() -> None:
        async with open_shop(folder) as found:
            await prepare(found)

    with (
        pytest.MonkeyPatch.context() as environment,
        ThreadPoolExecutor(1) as other_thread,  # this one may have an event loop
    ):
        environment.delenv(ON_POSTGRES, raising=False)
        other_thread.submit(asyncio.run, make()).result()
    return folder
