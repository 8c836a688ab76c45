"""The embedded engine is trained once with the shop's examples, for all tests here."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from gateway.testing import running
from plugins.nlu_local import plugin as nlu_local
from tests.conftest import until

from .shop import write_shop


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The embedded engine's folder after training."""
    folder = tmp_path_factory.mktemp("trained")

    async def train() -> None:
        config = write_shop(folder)
        async with running(nlu_local, config=config, tmp_path=folder) as gw:
            ready: Callable[[], bool] = lambda: any((folder / "var" / "nlu_local").glob("*.npz"))  # noqa: E731
            await gw.gateway.registrations.understanders[0].understand([])
            await until(ready, timeout=300)

    asyncio.run(train())
    return folder / "var" / "nlu_local"


@pytest.fixture(autouse=True)
def trained_model(request: pytest.FixtureRequest, tmp_path: Path) -> None:
    """Copies the trained model to the data folder of the test's gateway, if it has one."""
    if {"config", "rasa", "project", "trained"} & set(request.fixturenames):
        shutil.copytree(request.getfixturevalue("trained"), tmp_path / "var" / "nlu_local")
