"""A web chat on a free port, and clients that speak its protocol."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any
from uuid import uuid4

import pytest
from aiohttp import ClientSession, ClientWebSocketResponse, web
from aiohttp.test_utils import TestServer

from channels.webchat import WebchatSettings
from channels.webchat.channel import LogoFile, Webchat
from gateway import Address
from tests.webchat.fakes import FakeGateway

ROOT = "/channels/webchat"
SECRET = "a secret of the gateway, long enough to be one"
SITE_SECRET = "a secret of the site, which is long enough too"
PATIENCE = 10.0


class Tab:
    """One open socket, as one browser tab has."""

    def __init__(self, socket: ClientWebSocketResponse) -> None:
        self.socket = socket
        self.session = ""
        self.token = ""
        self.person: str | None = None
        self.missed: list[dict[str, Any]] = []

    @property
    def address(self) -> Address:
        return Address(channel="webchat", value=self.session)

    async def send(self, **frame: Any) -> None:
        await self.socket.send_json(frame)

    async def hello(self, **more: Any) -> list[dict[str, Any]]:
        """Say hello; gives the frames up to `live`: the missed messages."""
        await self.send(type="hello", **more)
        ready = await self.next("ready")
        self.session, self.token = ready["session"], ready["token"]
        self.person = ready.get("person")
        return await self.until_live()

    async def until_live(self) -> list[dict[str, Any]]:
        missed = []
        while (frame := await self.next())["type"] != "live":
            missed.append(frame)
        return missed

    async def say(self, text: str, **more: Any) -> dict[str, Any]:
        """Send the message ``text``; gives the answering frame."""
        await self.send(**{"type": "say", "id": uuid4().hex, "text": text, **more})
        return await self.next("accepted", "error")

    async def next(self, *types: str) -> dict[str, Any]:
        """The next frame, of these types if any are given; others are skipped."""
        while True:
            frame: dict[str, Any] = await self.socket.receive_json(timeout=PATIENCE)
            if not types or frame["type"] in types:
                return frame

    async def end(self) -> int:
        """Read until the other side closes; gives the close code."""
        while not self.socket.closed:
            await self.socket.receive(timeout=PATIENCE)
        return self.socket.close_code or 0


class Chat:
    """A running web chat with a fake gateway behind it."""

    def __init__(self, gateway: FakeGateway, server: TestServer, http: ClientSession) -> None:
        self.gateway, self.http = gateway, http
        self.url = str(server.make_url("")).rstrip("/")
        self._stack = AsyncExitStack()

    async def tab(self, **headers: str) -> Tab:
        """A socket that has not said hello."""
        socket = await self._stack.enter_async_context(
            self.http.ws_connect(f"{self.url}{ROOT}/socket", headers=headers)
        )
        return Tab(socket)

    async def post(self, path: str, token: str = "", **more: Any) -> tuple[int, Any]:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        url = f"{self.url}{ROOT}{path}"
        async with self.http.post(url, headers=headers, **more) as answer:
            return answer.status, await answer.json() if answer.status != 204 else None

    async def get(self, path: str, token: str = "") -> tuple[int, Any]:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        async with self.http.get(f"{self.url}{ROOT}{path}", headers=headers) as answer:
            return answer.status, await answer.json()

    async def close(self) -> None:
        await self._stack.aclose()


Start = Callable[..., Awaitable[Chat]]


@pytest.fixture
async def start() -> AsyncIterator[Start]:
    """Starts a web chat with the given settings; further routes can be added."""
    async with AsyncExitStack() as stack:

        async def begin(
            *routes: web.RouteDef, logo: LogoFile | None = None, **settings: Any
        ) -> Chat:
            gateway = FakeGateway()
            webchat = Webchat(
                WebchatSettings.model_validate(settings),
                secret=SECRET,
                public_url="https://shop.example",
                logo=logo,
            )
            app = web.Application()
            app.add_routes([*webchat.routes(gateway.services), *routes])
            server = TestServer(app, skip_url_asserts=True)
            await server.start_server()
            stack.push_async_callback(server.close)
            http = await stack.enter_async_context(ClientSession())
            chat = Chat(gateway, server, http)
            stack.push_async_callback(chat.close)
            return chat

        yield begin


@pytest.fixture
async def chat(start: Start) -> Chat:
    """A web chat with default settings."""
    return await start()
