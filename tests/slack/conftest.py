"""A gateway whose customers write in Slack."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

from channels.slack import PATH, customers
from gateway.testing import POLICY, FakeClock, RunningGateway, echo, running
from tests.slack.server import SlackServer

Gateway = Callable[..., AbstractAsyncContextManager[RunningGateway]]


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
async def slack(clock: FakeClock) -> AsyncIterator[SlackServer]:
    """A workspace with Carla, who has a DM with us, and a channel shared with her company."""
    async with SlackServer(now=lambda: clock.now().timestamp()) as server:
        server.add_user("U1", "Carla")
        server.add_user("U2", "Dario", team_id="T9OTHER")
        server.add_channel("D1", im="U1")
        server.add_channel("D2", im="U2")
        server.add_channel("C1", name="acme-and-us", members=("U1", "U2"), shared=True)
        yield server
        assert server.faults == []
        assert server.pings == []


@pytest.fixture
def gateway(slack: SlackServer, clock: FakeClock, tmp_path: Path) -> Gateway:
    """A gateway with the Slack channel and the echo; ``settings`` change the channel's section."""

    @asynccontextmanager
    async def make(*plugins: Any, **settings: Any) -> AsyncIterator[RunningGateway]:
        (tmp_path / "policy.yaml").write_text(yaml.safe_dump(POLICY), "utf-8")
        section = {
            "bot_token": slack.bot_token,
            "signing_secret": slack.signing_secret,
            "api_base": slack.api_base,
            **settings,
        }
        given = {name: value for name, value in section.items() if value is not None}
        config = {"policy": "policy.yaml", "channels": {"slack": given}}
        async with running(
            customers,
            *(plugins or (echo(),)),
            config=config,
            tmp_path=tmp_path,
            clock=clock,
        ) as gw:
            slack.events_url = gw.url + PATH
            yield gw

    return make


@pytest.fixture
async def gw(gateway: Gateway) -> AsyncIterator[RunningGateway]:
    async with gateway() as made:
        yield made
