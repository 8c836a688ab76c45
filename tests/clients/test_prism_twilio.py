"""Twilio, as its own OpenAPI description says (npm: @twilio/cli-core), by a mock that refuses every
call which does not keep to it (npm: @stoplight/prism-cli)."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import ClientError, ClientSession

import channels.sms
from gateway import Button, Message, Reply, Turn
from gateway.testing import FakeHandler, running
from tests.clients.conftest import HERE, needs_package
from tests.sms.conftest import ANA, PUBLIC, config
from tests.sms.fake_twilio import NUMBER, SID, TOKEN, post_signed

API = "node_modules/@twilio/cli-core/src/services/twilio-api/twilio_api_v2010.json"
PRISM = "node_modules/@stoplight/prism-cli/dist/index.js"
MESSAGES = f"/2010-04-01/Accounts/{SID}/Messages.json"
AUTH = {"Authorization": "Basic " + base64.b64encode(f"{SID}:{TOKEN}".encode()).decode()}


@pytest.fixture
async def prism(unused_tcp_port: int) -> AsyncIterator[str]:
    """The address of a mock of Twilio's API 2010-04-01."""
    needs_package("@twilio/cli-core")
    node = needs_package("@stoplight/prism-cli")
    options = ("--host", "127.0.0.1", "--port", str(unused_tcp_port))
    process = await asyncio.create_subprocess_exec(
        *(node, PRISM, "mock", *options, API),
        cwd=HERE,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    url = f"http://127.0.0.1:{unused_tcp_port}"
    try:
        async with asyncio.timeout(60), ClientSession() as http:
            while not await _answers(http, url):
                await asyncio.wait({asyncio.ensure_future(process.wait())}, timeout=0.2)
        yield url
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def _answers(http: ClientSession, url: str) -> bool:
    try:
        async with http.get(url + MESSAGES, headers=AUTH) as response:
            return response.status == 200
    except ClientError:
        return False


def answer(turn: Turn) -> Reply | None:
    if turn.kind != "message":
        return None
    buttons = (Button(title="A person", payload="person, please"),)
    return Reply(opener="", body=(f"You said {turn.message.text}",), buttons=buttons)


async def test_our_calls_keep_to_twilios_description(prism: str, tmp_path: Path) -> None:
    """A bot's and an agent's texts are accepted, with the ids that the mock gives. (It refuses
    every `MediaUrl`: it does not read a form's repeated fields as an array.)"""
    parts = channels.sms, FakeHandler(answer)
    async with running(*parts, config=config(tmp_path, prism), tmp_path=tmp_path) as gw:
        form = {
            "MessageSid": "SM" + "1" * 32,
            "AccountSid": SID,
            "From": ANA,
            "To": NUMBER,
            "Body": "hello",
            "NumMedia": "0",
        }
        path = "/channels/sms/webhook"
        await post_signed(gw.url + path, form, signed_for=PUBLIC + path)
        await gw.settled()
        agent = gw.desk_agent("ana")
        card = await gw.services.desk.card(1)
        claimed = await agent.claim(card)
        await agent.answer(claimed, "Grüße, and a € in it")
        messages = (await gw.services.desk.card(1)).messages
    ours: list[Message] = [m for m in messages if m.author in ("bot", "agent") and not m.internal]
    assert [message.status for message in ours] == ["sent"] * len(ours)
    assert len(ours) == 2
    assert all(message.remote_id for message in ours)


async def test_the_mock_refuses_what_the_description_does_not_allow(prism: str) -> None:
    """So that an accepted call says something."""
    async with ClientSession() as http:
        async with http.post(prism + MESSAGES, data={"Body": "no number"}, headers=AUTH) as refused:
            assert refused.status == 422
        async with http.post(prism + MESSAGES, data={"To": ANA, "Body": "x"}) as stranger:
            assert stranger.status == 401
