"""A workspace, a clock that stands, an office."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway.testing import FakeClock
from tests.agents_slack.office import Office, opened, workspace
from tests.slack.server import SlackServer


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
async def slack(clock: FakeClock) -> AsyncIterator[SlackServer]:
    """Slack; at the end no call was wrong, and nobody was pinged."""
    async with workspace(clock) as server:
        yield server
        assert server.faults == []
        assert server.pings == []


@pytest.fixture
async def office(slack: SlackServer, clock: FakeClock, tmp_path: Path) -> AsyncIterator[Office]:
    async with opened(slack, clock, tmp_path) as made:
        yield made
