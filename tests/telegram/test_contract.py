"""The channels' contract, over Telegram's webhook and Bot API."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession

import channels.telegram
from gateway import Address, File
from gateway.testing import (
    Check,
    NappingClock,
    PolledQueue,
    ProviderSimulator,
    RunningGateway,
    Trouble,
    checks,
    post_raw,
)

from .conftest import PATH, SECRET, Start
from .fake_bot_api import TOKEN, FakeBotApi
from .updates import message, user

QUALITY = Path(channels.telegram.__file__).with_name("quality.yaml")


class TelegramFarEnd:
    """Customers who use Telegram."""

    secrets: Sequence[str] = (TOKEN, TOKEN.partition(":")[2], SECRET)
    hostile: Sequence[str] = (
        "*bold* _slanted_ __under__ ~gone~ ||hidden|| `code` ```block``` > quoted",
        "[a shop](https://evil.example/?a=1&b=2) [me](tg://user?id=5001)",
        "<b>bold</b> <a href='https://evil.example'>a shop</a> &amp; &lt; <tg-spoiler>x",
        "\\*escaped\\* \\_ 1. 2) + - = { } ! . # |",
        "@everyone @admin /settings@lantern_loom_bot #tag $CASH",
        "#12.3",
        '{"callback_query": {}}',
    )
    largest = 1_000_000

    def __init__(
        self,
        gw: RunningGateway,
        api: FakeBotApi,
        session: ClientSession,
        *,
        path: str = PATH,
        secret: str = SECRET,
    ) -> None:
        self.gw, self.api, self.session = gw, api, session
        self.path, self.secret = path, secret
        self._ids: dict[str, int] = {}

    def address(self, name: str) -> Address:
        return Address(channel="telegram", value=str(_number(name)))

    async def say(
        self, text: str, *, id: str, name: str = "carla", files: Sequence[File] = ()
    ) -> int:
        number = self._ids.setdefault(f"{name}:{id}", len(self._ids) + 1)
        content: dict[str, Any] = {"text": text}
        for file in files:
            self.api.store(file.name, file.data)
            document = {
                "file_id": file.name,
                "file_unique_id": "u",
                "file_name": file.name,
                "mime_type": file.media_type,
                "file_size": len(file.data),
            }
            content = {"caption": text, "document": document}
        sent = message(number, by=user(_number(name), name.capitalize()), **content)
        return await self._post({"update_id": 900_000 + number, "message": sent}, self.secret)

    async def say_forged(self, text: str, *, proof: bytes = b"guessed") -> int:
        update = {"update_id": 5, "message": message(99, text=text)}
        return await post_raw(
            self.gw.url + self.path,
            json.dumps(update).encode(),
            {"X-Telegram-Bot-Api-Secret-Token": proof, "Content-Type": "application/json"},
        )

    async def post(self, body: bytes) -> int:
        headers = {"X-Telegram-Bot-Api-Secret-Token": SECRET, "Content-Type": "application/json"}
        async with self.session.post(PATH, data=BytesIO(body), headers=headers) as response:
            return response.status

    async def _post(self, update: dict[str, Any], secret: str) -> int:
        headers = {"X-Telegram-Bot-Api-Secret-Token": secret}
        async with self.session.post(self.path, json=update, headers=headers) as response:
            return response.status

    async def heard(self, name: str = "carla") -> list[str]:
        return self.api.texts(_number(name))

    async def files(self, name: str = "carla") -> list[bytes]:
        return [data for chat, data in self.api.uploads if chat == _number(name)]

    def trouble(self, *kinds: Trouble) -> None:
        self.api.fail_next(*kinds)

    @property
    def calls(self) -> int:
        return self.api.send_calls


class PolledTelegramFarEnd(TelegramFarEnd):
    """Customers who use Telegram, whose messages wait until the channel asks for them."""

    polled = True

    def __init__(self, gw: RunningGateway, api: FakeBotApi, session: ClientSession) -> None:
        super().__init__(gw, api, session)
        self.queue = api.polled = PolledQueue()

    async def post(self, body: bytes) -> int:
        return await self.queue.deliver({"message": body.decode("utf-8", "replace")})

    async def say_forged(self, text: str, *, proof: bytes = b"guessed") -> int:
        return 401  # only Telegram answers our polls

    async def _post(self, update: dict[str, Any], secret: str) -> int:
        return await self.queue.deliver(update)


def _number(name: str) -> int:
    return 5_000 + sum(name.encode())


@pytest.fixture
async def far_end(api: FakeBotApi, start: Start) -> AsyncIterator[ProviderSimulator]:
    async with start() as gw, ClientSession(gw.url) as session:
        yield TelegramFarEnd(gw, api, session)


@pytest.fixture
async def polled_far_end(api: FakeBotApi, start: Start) -> AsyncIterator[ProviderSimulator]:
    polling = start(secret=None, poll_timeout=1, clock=NappingClock())
    async with polling as gw, ClientSession(gw.url) as session:
        yield PolledTelegramFarEnd(gw, api, session)


@pytest.mark.parametrize("check", checks(QUALITY))
async def test_the_contract_when_polling(check: Check, polled_far_end: ProviderSimulator) -> None:
    """The same of a bot without a webhook: what is confirmed is stored, and the rest comes
    again."""
    await check(polled_far_end)


@pytest.mark.parametrize("check", checks(QUALITY))
async def test_contract(check: Check, far_end: ProviderSimulator) -> None:
    """What every channel must do."""
    await check(far_end)
