"""The shop's examples are learnt once for all tests here, and kept where each test looks."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from gateway.testing import running
from plugins.nlu_local import plugin as nlu_local
from tests.conftest import until

from .shop import open_shop


@pytest.fixture(scope="session")
def learnt(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the embedded engine after it has learnt the shop's examples."""
    place = tmp_path_factory.mktemp("learnt")

    async def learn() -> None:
        config = open_shop(place)
        async with running(nlu_local, config=config, tmp_path=place) as gw:
            ready: Callable[[], bool] = lambda: any((place / "var" / "nlu_local").glob("*.npz"))  # noqa: E731
            await gw.gateway.offers.understanders[0].understand([])
            await until(ready, timeout=300)

    asyncio.run(learn())
    return place / "var" / "nlu_local"


@pytest.fixture(autouse=True)
def known(request: pytest.FixtureRequest, tmp_path: Path) -> None:
    """What was learnt stands in the data folder of the test's gateway, if it has one."""
    if {"config", "rasa", "project", "learnt"} & set(request.fixturenames):
        shutil.copytree(request.getfixturevalue("learnt"), tmp_path / "var" / "nlu_local")
