from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway.testing import FakeChannel, FakeHandler, RunningGateway, running
from tests.spine.conftest import echo


@pytest.fixture
async def gw(tmp_path: Path) -> AsyncIterator[RunningGateway]:
    """A gateway with a mail channel; imports add to its database."""
    async with running(FakeChannel("email"), FakeHandler(echo), tmp_path=tmp_path) as found:
        yield found
