"""A fake Bot API, and a gateway connected to it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml
from aiohttp import ClientSession
from aiohttp.test_utils import TestServer

import channels.telegram
from gateway import Clock
from gateway.testing import POLICY, FakeClock, RunningGateway, echo, running

from ..conftest import until
from .fake_bot_api import TOKEN, FakeBotApi

SECRET = "a-Secret_nobody_guesses-0123456789"
PATH = "/channels/telegram/webhook"

Start = Callable[..., AbstractAsyncContextManager[RunningGateway]]


@pytest.fixture
async def api() -> AsyncIterator[FakeBotApi]:
    """The server. An invalid call fails the test."""
    bot_api = FakeBotApi()
    async with TestServer(bot_api.app(), skip_url_asserts=True) as server:
        bot_api.base = str(server.make_url("/bot"))
        yield bot_api
        bot_api.release()
    assert bot_api.violations == []


@pytest.fixture
def start(api: FakeBotApi, tmp_path: Path) -> Start:
    """Runs a gateway whose Telegram channel uses ``api``: by webhook, or with ``secret=None`` by
    polling. It is ready for messages."""

    @asynccontextmanager
    async def started(
        *plugins: ModuleType | Any, clock: Clock | None = None, **section: Any
    ) -> AsyncIterator[RunningGateway]:
        (tmp_path / "policy.yaml").write_text(yaml.safe_dump(POLICY), "utf-8")
        telegram = {"bot_token": TOKEN, "api_base": api.base, "secret": SECRET, **section}
        config = {"policy": "policy.yaml", "channels": {"telegram": telegram}}
        async with running(
            channels.telegram,
            *(plugins or (echo(),)),
            config=config,
            tmp_path=tmp_path,
            clock=clock or FakeClock(),
        ) as gw:
            await until(lambda: _is_ready(gw))
            yield gw

    return started


async def _is_ready(gw: RunningGateway) -> bool:
    async with ClientSession(gw.url) as session, session.get("/readyz") as response:
        return response.status == 200


class TelegramClient:
    """Telegram as a client of our webhook."""

    def __init__(self, gw: RunningGateway) -> None:
        self.gw = gw

    async def deliver_one(self, update: Any, *, secret: str | None = SECRET) -> int:
        """Deliver an update and return the HTTP status."""
        headers = {} if secret is None else {"X-Telegram-Bot-Api-Secret-Token": secret}
        async with (
            ClientSession(self.gw.url) as session,
            session.post(PATH, json=update, headers=headers) as response,
        ):
            return response.status

    async def deliver(self, *updates: Any) -> None:
        """Deliver updates one after the other. They are handled when this returns."""
        for update in updates:
            assert await self.deliver_one(update) == 200
        await self.gw.settled()
