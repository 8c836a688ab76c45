"""A Bot API server, and a gateway that talks to it."""

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
from .server import TOKEN, BotApi

SECRET = "a-Secret_nobody_guesses-0123456789"
PATH = "/channels/telegram/webhook"

Start = Callable[..., AbstractAsyncContextManager[RunningGateway]]


@pytest.fixture
async def api() -> AsyncIterator[BotApi]:
    """The server; a call that no bot should make fails the test."""
    bot_api = BotApi()
    async with TestServer(bot_api.app(), skip_url_asserts=True) as server:
        bot_api.base = str(server.make_url("/bot"))
        yield bot_api
        bot_api.release()
    assert bot_api.wrong == []


@pytest.fixture
def start(api: BotApi, tmp_path: Path) -> Start:
    """A gateway whose Telegram channel talks to ``api``: by webhook, or with ``secret=None`` by
    polling. It runs once it takes messages."""

    @asynccontextmanager
    async def started(
        *guests: ModuleType | Any, clock: Clock | None = None, **section: Any
    ) -> AsyncIterator[RunningGateway]:
        (tmp_path / "policy.yaml").write_text(yaml.safe_dump(POLICY), "utf-8")
        telegram = {"bot_token": TOKEN, "api_base": api.base, "secret": SECRET, **section}
        config = {"policy": "policy.yaml", "channels": {"telegram": telegram}}
        async with running(
            channels.telegram,
            *(guests or (echo(),)),
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


class Telegram:
    """Telegram's side of the webhook."""

    def __init__(self, gw: RunningGateway) -> None:
        self.gw = gw

    async def tell(self, update: Any, *, secret: str | None = SECRET) -> int:
        """Deliver an update; the status that it gets."""
        headers = {} if secret is None else {"X-Telegram-Bot-Api-Secret-Token": secret}
        async with (
            ClientSession(self.gw.url) as session,
            session.post(PATH, json=update, headers=headers) as response,
        ):
            return response.status

    async def told(self, *updates: Any) -> None:
        """Deliver updates, one after the other, and let the gateway work them."""
        for update in updates:
            assert await self.tell(update) == 200
        await self.gw.settled()
