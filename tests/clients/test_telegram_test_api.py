"""Telegram, as a stranger's emulator speaks its Bot API (npm: telegram-test-api).

Its answers hold what the SDK cannot parse: dates in milliseconds, a bot without ``is_bot``.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from aiohttp import ClientSession

import channels.telegram
from gateway import Button, Reply, Turn
from gateway.testing import POLICY, FakeHandler, RunningGateway, running
from tests.conftest import until

TOKEN = "4839574812:AAFD39kkdpWt3ywyRZergyOLMaJhac60qcK"
SECRET = "a-Secret_nobody_guesses-0123456789"
CARLA = {"id": 5001, "first_name": "Carla", "username": "carla_n", "is_bot": False}
CHAT = {"id": 5001, "title": "Carla", "first_name": "Carla", "type": "private"}


def answer(turn: Turn) -> Reply | None:
    if turn.kind != "message":
        return None
    buttons = (Button(title="A person", payload="person, please"),)
    return Reply(opener="", body=(f"You said {turn.message.text}",), buttons=buttons)


class EmulatedCustomer:
    """Carla, through the emulator's own routes for clients."""

    def __init__(self, session: ClientSession, url: str) -> None:
        self._session, self._url = session, url
        self.heard: list[dict[str, Any]] = []

    async def _post(self, path: str, body: dict[str, Any]) -> Any:
        async with self._session.post(f"{self._url}/{path}", json=body) as answered:
            assert answered.status == 200
            return (await answered.json())["result"]

    async def say(self, text: str) -> None:
        message = {"botToken": TOKEN, "from": CARLA, "chat": CHAT, "date": 1772445500, "text": text}
        await self._post("sendMessage", message)

    async def press(self, data: str) -> None:
        shown = {"from": CARLA, "chat": CHAT}
        query = {"botToken": TOKEN, "date": 1772445500, "from": CARLA, "message": shown}
        await self._post("sendCallback", query | {"data": data})

    async def listen(self) -> list[str]:
        found = await self._post("getUpdates", {"token": TOKEN, "chatId": CHAT["id"]})
        self.heard += [one["message"] for one in found]
        return [message["text"] for message in self.heard]


@pytest.mark.parametrize("poll_timeout", [0, 1])
async def test_a_customer_of_the_emulator_is_answered_once(
    telegram_test_api: str, tmp_path: Path, poll_timeout: int
) -> None:
    """By polling. The emulator answers a poll at once, with nothing, and is not asked without
    pause."""
    (tmp_path / "policy.yaml").write_text(yaml.safe_dump(POLICY), "utf-8")
    section = {
        "bot_token": TOKEN,
        "api_base": f"{telegram_test_api}/bot",
        "poll_timeout": poll_timeout,
    }
    config = {"policy": "policy.yaml", "channels": {"telegram": section}}
    async with (
        ClientSession() as session,
        running(channels.telegram, FakeHandler(answer), config=config, tmp_path=tmp_path) as gw,
    ):
        carla = EmulatedCustomer(session, telegram_test_api)
        await carla.say("hello")
        await until(carla.listen)
        await carla.say("and again")
        await until(lambda: _heard(carla, 2))
        assert await carla.listen() == ["You said hello", "You said and again"]
        await _all_sent(gw)
        [[button]] = carla.heard[0]["reply_markup"]["inline_keyboard"]
        assert button["text"] == "A person"


async def _heard(customer: EmulatedCustomer, count: int) -> bool:
    return len(await customer.listen()) >= count


async def _all_sent(gw: RunningGateway) -> None:
    """Nothing is on its way, doubtful or given up."""
    await gw.settled()
    assert await gw.gateway.store.outbox.lanes() == ()
    assert await gw.gateway.store.outbox.list() == ()
    messages = (await gw.services.desk.card(1)).messages
    assert {m.status for m in messages if m.author == "bot"} == {"sent"}
