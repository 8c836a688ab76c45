"""A gateway connected to a fake Twilio, and the customers who text it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

import channels.sms
from gateway import Clock, Message, QueueItem, Reply, Turn
from gateway.testing import FakeHandler, RunningGateway, running

from .fake_twilio import NUMBER, SID, TOKEN, FakeTwilio, post_signed, running_twilio

PUBLIC = "https://warmline.example"
ANA = "+15550109999"
POLICY = {
    "reasons": {
        name: {"enabled": False}
        for name in ("low_confidence", "out_of_scope", "bot_failed", "loop", "repeat_contact")
    }
}


def echo(turn: Turn) -> Reply | None:
    """Repeat the customer's message."""
    if turn.kind != "message":
        return None
    return Reply(opener="", body=(f"You said {turn.message.text}",))


class SmsGateway:
    """The gateway with its fake Twilio, and what customers and Twilio do."""

    def __init__(self, gw: RunningGateway, twilio: FakeTwilio) -> None:
        self.gw, self.twilio = gw, twilio

    async def text(self, text: str, sender: str = ANA, **more: str) -> tuple[int, str]:
        """A customer texts. Everything is handled when this returns."""
        response = await self.post(self.twilio.message(text, sender, **more))
        await self.gw.settled()
        return response

    async def post(
        self, form: dict[str, str], path: str = "/channels/sms/webhook", **headers: str
    ) -> tuple[int, str]:
        """Post a signed form, as Twilio posts it to our public address."""
        return await post_signed(self.gw.url + path, form, signed_for=PUBLIC + path, **headers)

    async def send_status(self, status: str, index: int = -1, **more: str) -> tuple[int, str]:
        """Twilio calls the StatusCallback of a message that it accepted."""
        record = self.twilio.sent[index]
        form = self.twilio.status(record, status, **more)
        return await self.post(form, record["status_callback"].removeprefix(PUBLIC))

    @property
    def sent_texts(self) -> list[str]:
        """The texts that Twilio accepted from us, in order."""
        return [message["body"] for message in self.twilio.sent]

    async def messages(self, conversation: int = 1) -> list[Message]:
        return list((await self.gw.services.desk.card(conversation)).messages)

    async def our_messages(self, conversation: int = 1) -> list[Message]:
        """What the bot and agents wrote, in any status."""
        messages = await self.messages(conversation)
        return [m for m in messages if m.author in ("bot", "agent") and not m.internal]

    async def notes(self, conversation: int = 1) -> list[str]:
        return [m.text for m in await self.messages(conversation) if m.author == "system"]

    async def queue(self) -> tuple[QueueItem, ...]:
        return await self.gw.services.desk.queue()


def config(tmp_path: Path, url: str, **section: Any) -> dict[str, Any]:
    """A configuration with the channel enabled."""
    tmp_path.mkdir(exist_ok=True)
    policy = tmp_path / "policy.yaml"
    policy.write_text(yaml.safe_dump(POLICY), "utf-8")
    account = {"account_sid": SID, "auth_token": TOKEN, "from": NUMBER, "api_base": url}
    return {
        "policy": str(policy),
        "public_url": PUBLIC,
        "channels": {"sms": account | section},
    }


@asynccontextmanager
async def running_sms(
    twilio: FakeTwilio,
    tmp_path: Path,
    *plugins: Any,
    clock: Clock | None = None,
    core: dict[str, Any] | None = None,
    **section: Any,
) -> AsyncIterator[SmsGateway]:
    """The gateway with the channel enabled. Without ``plugins``, `echo` answers."""
    settings = config(tmp_path, twilio.url, **section) | (core or {})
    answering = plugins or (FakeHandler(echo),)
    async with running(
        channels.sms, *answering, config=settings, tmp_path=tmp_path, clock=clock
    ) as gw:
        yield SmsGateway(gw, twilio)


@pytest.fixture
async def twilio() -> AsyncIterator[FakeTwilio]:
    async with running_twilio() as account:
        yield account


@pytest.fixture
async def sms(twilio: FakeTwilio, tmp_path: Path) -> AsyncIterator[SmsGateway]:
    async with running_sms(twilio, tmp_path) as gateway:
        yield gateway
