"""A gateway that speaks with a Twilio of our own, and the customers behind it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

from channels import sms
from gateway import Clock, Message, QueueItem, Reply, Turn
from gateway.testing import FakeHandler, RunningGateway, running

from .server import NUMBER, SID, TOKEN, Twilio, call, serving

PUBLIC = "https://warmline.example"
ANA = "+15550109999"
POLICY = {
    "reasons": {
        name: {"enabled": False}
        for name in ("low_confidence", "out_of_scope", "bot_failed", "loop", "repeat_contact")
    }
}


def echo(turn: Turn) -> Reply | None:
    """Says back what was said."""
    if turn.kind != "message":
        return None
    return Reply(opener="", body=(f"You said {turn.message.text}",))


class Line:
    """The gateway, its Twilio, and what one does with them."""

    def __init__(self, gw: RunningGateway, twilio: Twilio) -> None:
        self.gw, self.twilio = gw, twilio

    async def text(self, text: str, sender: str = ANA, **more: str) -> tuple[int, str]:
        """A customer writes; everything is worked when this returns."""
        answer = await self.post(self.twilio.message(text, sender, **more))
        await self.gw.settled()
        return answer

    async def post(
        self, form: dict[str, str], path: str = "/channels/sms/webhook", **headers: str
    ) -> tuple[int, str]:
        """A signed form, as Twilio posts it to our public address."""
        return await call(self.gw.url + path, form, signed_for=PUBLIC + path, **headers)

    async def tell(self, status: str, index: int = -1, **more: str) -> tuple[int, str]:
        """Twilio calls the StatusCallback of a message that it took."""
        record = self.twilio.sent[index]
        form = self.twilio.status(record, status, **more)
        return await self.post(form, record["status_callback"].removeprefix(PUBLIC))

    @property
    def heard(self) -> list[str]:
        """What Twilio took from us, in order."""
        return [one["body"] for one in self.twilio.sent]

    async def messages(self, conversation: int = 1) -> list[Message]:
        return list((await self.gw.services.desk.card(conversation)).messages)

    async def ours(self, conversation: int = 1) -> list[Message]:
        """What we said, whatever became of it."""
        said = await self.messages(conversation)
        return [m for m in said if m.author in ("bot", "agent") and not m.internal]

    async def notes(self, conversation: int = 1) -> list[str]:
        return [m.text for m in await self.messages(conversation) if m.author == "system"]

    async def queue(self) -> tuple[QueueItem, ...]:
        return await self.gw.services.desk.queue()


def config(tmp_path: Path, url: str, **section: Any) -> dict[str, Any]:
    """A configuration with the section awake."""
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
async def texting(
    twilio: Twilio,
    tmp_path: Path,
    *guests: Any,
    clock: Clock | None = None,
    core: dict[str, Any] | None = None,
    **section: Any,
) -> AsyncIterator[Line]:
    """The gateway with the channel awake; without ``guests`` the echo answers."""
    settings = config(tmp_path, twilio.url, **section) | (core or {})
    mine = guests or (FakeHandler(echo),)
    async with running(sms, *mine, config=settings, tmp_path=tmp_path, clock=clock) as gw:
        yield Line(gw, twilio)


@pytest.fixture
async def twilio() -> AsyncIterator[Twilio]:
    async with serving() as account:
        yield account


@pytest.fixture
async def line(twilio: Twilio, tmp_path: Path) -> AsyncIterator[Line]:
    async with texting(twilio, tmp_path) as one:
        yield one
