"""The postbox channel, which polls, meets the contract of all channels, over real HTTP."""

import json
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest
import warmline_postbox
import yaml
from aiohttp import web
from aiohttp.test_utils import TestServer

from gateway import Address, File, Json
from gateway.testing import (
    POLICY,
    Check,
    NappingClock,
    PolledQueue,
    ProviderSimulator,
    RunningGateway,
    Trouble,
    checks,
    echo,
    running,
)

QUALITY = Path(warmline_postbox.__file__).with_suffix(".quality.yaml")
TOKEN = "opens-the-box"


class Box:
    """The box: it offers letters until we ask for those after them, and keeps our answers."""

    polled = True
    secrets: Sequence[str] = (TOKEN,)
    hostile: Sequence[str] = ()
    largest = 1_000_000

    def __init__(self) -> None:
        self.queue = PolledQueue[Json]()
        self.calls = 0
        self._failures: list[Trouble] = []
        self._answers: dict[str, dict[str, str]] = {}
        self.gw: RunningGateway

    def address(self, name: str) -> Address:
        return Address(channel="postbox", value=name)

    async def say(
        self, text: str, *, id: str, name: str = "carla", files: Sequence[File] = ()
    ) -> int:
        return await self.queue.deliver({"id": id, "sender": name, "text": text})

    async def say_forged(self, text: str, *, proof: bytes = b"guessed") -> int:
        return 401  # nobody but us asks the box, and nobody but the box answers

    async def post(self, body: bytes) -> int:
        try:
            letter = json.loads(body)
        except ValueError:
            letter = body.decode("latin-1")
        return await self.queue.deliver(letter)

    async def heard(self, name: str = "carla") -> list[str]:
        return [answer["text"] for answer in self._answers.values() if answer["to"] == name]

    async def files(self, name: str = "carla") -> list[bytes]:
        return []

    def trouble(self, *kinds: Trouble) -> None:
        self._failures += kinds

    async def letters(self, request: web.Request) -> web.Response:
        """What a poll gets: it says which letters were taken."""
        assert request.headers["Authorization"] == f"Bearer {TOKEN}"
        self.queue.confirm(int(request.query["after"]))
        slips = [{"number": n, "letter": letter} for n, letter in await self.queue.offer()]
        return web.json_response(slips)

    async def take_answer(self, request: web.Request) -> web.Response:
        self.calls += 1
        failure = self._failures.pop(0) if self._failures else None
        if failure == "busy":
            return web.Response(status=429, headers={"Retry-After": "40"})
        if failure in ("broken", "never"):
            return web.Response(status=500 if failure == "broken" else 404)
        answer = await request.json()
        self._answers.setdefault(answer["key"], answer)
        if failure == "cut":
            request.transport.abort()
        return web.Response()


@pytest.fixture
async def far_end(tmp_path: Path) -> AsyncIterator[ProviderSimulator]:
    box = Box()
    (tmp_path / "policy.yaml").write_text(yaml.safe_dump(POLICY), "utf-8")
    app = web.Application()
    app.add_routes([web.get("/letters", box.letters), web.post("/answers", box.take_answer)])
    async with TestServer(app) as server:
        section = {"api_base": str(server.make_url("")).rstrip("/"), "token": TOKEN}
        config = {"policy": "policy.yaml", "channels": {"postbox": section}}
        async with running(
            warmline_postbox, echo(), config=config, tmp_path=tmp_path, clock=NappingClock()
        ) as box.gw:
            yield box


@pytest.mark.parametrize("check", checks(QUALITY))
async def test_contract(check: Check, far_end: ProviderSimulator) -> None:
    """What every channel must do."""
    await check(far_end)
