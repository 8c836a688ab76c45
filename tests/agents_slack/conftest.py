"""A Slack workspace, a clock that stands still, and a support channel."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway.testing import FakeClock
from tests.agents_slack.support_channel import SupportChannel, opened, workspace
from tests.slack.server import SlackServer


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
async def slack(clock: FakeClock) -> AsyncIterator[SlackServer]:
    """Slack. At the end no call was wrong, and nobody was pinged."""
    async with workspace(clock) as server:
        yield server
        assert server.faults == []
        assert server.pings == []


@pytest.fixture
async def support(
    slack: SlackServer, clock: FakeClock, tmp_path: Path
) -> AsyncIterator[SupportChannel]:
    async with opened(slack, clock, tmp_path) as made:
        yield made
