"""The gateway that is killed: real REST and web chat, and two channels with a test provider.

Run as a process: ``python -m tests.crash.server PORT PROVIDER_URL FOLDER``.
"""

from __future__ import annotations

import asyncio
import re
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import aiohttp
import yaml
from aiohttp import web

import channels.rest
import channels.webchat
from gateway import (
    Address,
    Channel,
    Inbound,
    Outbound,
    Reason,
    Reply,
    Sent,
    Services,
    Settings,
    Traits,
    TryLater,
    Turn,
    Unsure,
    hookimpl,
)
from gateway.app import build_app, build_gateway
from gateway.cli.common import configure_logging
from gateway.plugins import PluginRegistry
from gateway.settings import load
from gateway.testing import FakeHandler, PlainVoice, as_plugins

POLICY = """
reasons:
  low_confidence: {enabled: false}
  bot_failed: {enabled: false}
  loop: {enabled: false}
"""


class AskChannel:
    """A channel whose provider cannot be asked and whose receivers do not recognise repetitions: an
    unsure reply goes to a person."""

    name = "ask"

    def __init__(self, url: str, *, unsure: Any = "ask") -> None:
        self.traits = Traits(unsure=unsure)
        self._url = url

    def routes(self, services: Services) -> Iterable[web.RouteDef]:
        async def receive(request: web.Request) -> web.Response:
            body = await request.json()
            address = Address(channel=self.name, value=body["from"])
            message = Inbound(
                address=address, text=body["text"], at=services.clock.now(), remote_id=body["id"]
            )
            accepted = await services.intake.accept(message)
            return web.json_response({"turn": accepted.turn})

        return (web.post(f"/{self.name}", receive),)

    async def send(self, message: Outbound) -> Sent:
        body = {"key": message.key, "to": message.address.value, "text": message.text}
        try:
            async with (
                aiohttp.ClientSession() as session,
                session.post(f"{self._url}/{self.name}", json=body) as response,
            ):
                response.raise_for_status()
        except aiohttp.ClientConnectorError as error:
            raise TryLater(str(error)) from error
        except (aiohttp.ClientError, OSError) as error:
            raise Unsure(str(error)) from error
        return Sent(remote_id=message.key)

    @hookimpl
    def register_channels(self, register: Callable[[Channel], None], settings: Settings) -> None:
        register(self)


class ResendChannel(AskChannel):
    """A channel whose receivers recognise repetitions: an unsure reply is sent again."""

    name = "resend"

    def __init__(self, url: str) -> None:
        super().__init__(url, unsure="resend")


def answer(turn: Turn) -> Reply | None:
    """Answers ``message 7`` with ``answer 7``, and ``person`` with a handoff."""
    if turn.kind != "message":
        return None
    if turn.route.action == "escalate":
        return Reply(opener="", body=("A person will answer.",), purpose="handover")
    if turn.message.text.startswith("person"):
        reason = Reason(code="asked_for_person", detail="said so")
        return Reply(
            opener="", body=("A person will answer.",), purpose="handover", escalate=(reason,)
        )
    number = re.search(r"\d+", turn.message.text)
    return Reply(opener="", body=(f"answer {number.group() if number else '?'}",))


async def serve(port: int, provider_url: str, folder: Path) -> None:
    configure_logging("json")
    (folder / "policy.yaml").write_text(POLICY, "utf-8")
    (folder / "warmline.yaml").write_text(
        yaml.safe_dump(
            {
                "data_dir": str(folder / "var"),
                "policy": "policy.yaml",
                "public_url": f"http://127.0.0.1:{port}",
                "delivery": {"backoff_first": 0.1, "backoff_most": 0.5, "attempts": 50},
                "channels": {
                    "rest": {"open": True, "requests_per_address": None},
                    "webchat": {"messages_per_minute": 6000, "sessions_per_minute": 6000},
                },
            }
        ),
        "utf-8",
    )
    plugins = as_plugins(
        [
            channels.rest,
            channels.webchat,
            AskChannel(provider_url),
            ResendChannel(provider_url),
            FakeHandler(answer),
            PlainVoice(),
        ]
    )
    settings = load(folder / "warmline.yaml", PluginRegistry(plugins).declared(), {})
    runner = web.AppRunner(build_app(build_gateway(plugins, settings)), access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port, reuse_address=True).start()
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1]), sys.argv[2], Path(sys.argv[3])))
