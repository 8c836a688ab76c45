"""The channels' contract over REST with a callback."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Sequence
from io import BytesIO
from pathlib import Path

import pytest
import yaml
from aiohttp import ClientSession, web
from aiohttp.test_utils import TestServer
from yarl import URL

import channels.rest
from gateway import Address, File
from gateway.testing import (
    POLICY,
    Check,
    FakeClock,
    ProviderSimulator,
    RunningGateway,
    Trouble,
    checks,
    echo,
    post_raw,
    running,
)

QUALITY = Path(channels.rest.__file__).with_name("quality.yaml")
TOKEN = "a-token-nobody-guesses"


class RestClient:
    """A client program: posts to the webhook and receives callbacks."""

    secrets: Sequence[str] = (TOKEN,)
    hostile: Sequence[str] = ()
    largest = 1_000_000

    def __init__(self) -> None:
        self.calls = 0
        self._troubles: list[Trouble] = []
        self._got: dict[str, dict[str, str]] = {}
        self._files: dict[str, list[str]] = {}
        self.gw: RunningGateway
        self.session: ClientSession

    def address(self, name: str) -> Address:
        return Address(channel="rest", value=name)

    async def say(
        self, text: str, *, id: str, name: str = "carla", files: Sequence[File] = ()
    ) -> int:
        body = {"sender": name, "message": text, "message_id": id}
        async with self.session.post("/webhooks/rest/webhook", json=body) as response:
            return response.status

    async def say_forged(self, text: str, *, proof: bytes = b"guessed") -> int:
        body = json.dumps({"sender": "carla", "message": text}).encode()
        return await post_raw(
            f"{self.gw.url}/webhooks/rest/webhook",
            body,
            {"Authorization": b"Bearer " + proof, "Content-Type": "application/json"},
        )

    async def post(self, body: bytes) -> int:
        async with self.session.post("/webhooks/rest/webhook", data=BytesIO(body)) as response:
            return response.status

    async def heard(self, name: str = "carla") -> list[str]:
        return list(self._got.get(name, {}).values())

    async def files(self, name: str = "carla") -> list[bytes]:
        return [await self._fetch(url) for url in self._files.get(name, ())]

    async def _fetch(self, url: str) -> bytes:
        async with self.session.get(URL(url).relative()) as response:
            assert response.status == 200
            return await response.read()

    def trouble(self, *kinds: Trouble) -> None:
        self._troubles += kinds

    async def receive(self, request: web.Request) -> web.Response:
        """Store a pushed message; a repeated one is recognised by its id."""
        self.calls += 1
        trouble = self._troubles.pop(0) if self._troubles else None
        if trouble == "busy":
            return web.Response(status=429, headers={"Retry-After": "40"})
        if trouble in ("broken", "never"):
            return web.Response(status=503 if trouble == "broken" else 410)
        message = await request.json()
        self._got.setdefault(message["recipient_id"], {})[message["id"]] = message["text"]
        urls = [file["url"] for file in message.get("attachments", ())]
        self._files.setdefault(message["recipient_id"], []).extend(urls)
        if trouble == "cut" and request.transport is not None:
            request.transport.abort()
        return web.Response()


@pytest.fixture
async def far_end(tmp_path: Path) -> AsyncIterator[ProviderSimulator]:
    client = RestClient()
    (tmp_path / "policy.yaml").write_text(yaml.safe_dump(POLICY), "utf-8")
    app = web.Application()
    app.add_routes([web.post("/callback", client.receive)])
    async with TestServer(app, skip_url_asserts=True) as server:
        rest = {"token": TOKEN, "callback_url": str(server.make_url("/callback"))}
        config = {"policy": "policy.yaml", "channels": {"rest": rest}}
        async with running(
            channels.rest, echo(), config=config, tmp_path=tmp_path, clock=FakeClock()
        ) as client.gw:
            right = {"Authorization": f"Bearer {TOKEN}"}
            async with ClientSession(client.gw.url, headers=right) as client.session:
                yield client


@pytest.mark.parametrize("check", checks(QUALITY))
async def test_contract(check: Check, far_end: ProviderSimulator) -> None:
    """The channel meets the contract of all channels."""
    await check(far_end)
