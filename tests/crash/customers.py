"""Customers that repeat each message, with the same id, until it is acknowledged."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import Awaitable, Callable

import aiohttp

from tests.crash.ledger import Ledger

RETRY_DELAY = 0.05
"""Seconds before a failed request is repeated."""
MESSAGES_PER_NAME = 10


class Customer:
    """Writes ``message 0``, ``message 1`` ... one after another until ``stop`` is set; then a last
    message asks for a person.

    ``urls``: the gateway's URLs, used in turn; ``pause``: seconds between two messages;
    ``retry_delay``: seconds before a refused message is repeated.
    """

    channel = ""
    pause = 0.0
    retry_delay = RETRY_DELAY

    def __init__(self, name: str, ledger: Ledger, stop: asyncio.Event, *urls: str) -> None:
        self.name, self.ledger, self.stop = name, ledger, stop
        self._urls = itertools.cycle(urls)

    def next_url(self) -> str:
        return next(self._urls)

    async def run(self) -> None:
        async with aiohttp.ClientSession() as session:
            await self.talk(self._retrying(session))

    async def talk(self, send: Callable[[str, str], Awaitable[None]]) -> None:
        number = 0
        while not self.stop.is_set():
            await self._write(send, number, f"message {number}")
            number += 1
            await asyncio.sleep(self.pause)
        await self._write(send, number, f"person {number}")

    async def _write(
        self, send: Callable[[str, str], Awaitable[None]], number: int, text: str
    ) -> None:
        await send(f"{self.name}-message-{number}", text)
        self.ledger.record_accepted(self.channel, self.name, text)

    def _retrying(self, session: aiohttp.ClientSession) -> Callable[[str, str], Awaitable[None]]:
        async def send(id: str, text: str) -> None:
            while True:
                try:
                    async with asyncio.timeout(10):
                        return await self.post(session, id, text)
                except (aiohttp.ClientError, OSError, TimeoutError):
                    self.ledger.repeated += 1
                    await asyncio.sleep(self.retry_delay)

        return send

    async def post(self, session: aiohttp.ClientSession, id: str, text: str) -> None:
        raise NotImplementedError


class RestCustomer(Customer):
    """Waits for each answer before the next message."""

    channel = "rest"

    async def post(self, session: aiohttp.ClientSession, id: str, text: str) -> None:
        body = {"sender": self.name, "message": text, "message_id": id}
        url = f"{self.next_url()}/webhooks/rest/webhook"
        async with session.post(url, json=body) as response:
            response.raise_for_status()
            await response.json()


class ProviderCustomer(Customer):
    """Writes through a provider that repeats its webhook until it gets a 200.

    The name changes every `MESSAGES_PER_NAME` messages: once an unsure reply has given a
    conversation to a person, that person answers all of its later messages.
    """

    def __init__(
        self, channel: str, name: str, ledger: Ledger, stop: asyncio.Event, *urls: str
    ) -> None:
        super().__init__(name, ledger, stop, *urls)
        self.channel = channel

    async def talk(self, send: Callable[[str, str], Awaitable[None]]) -> None:
        base, number = self.name, 0
        while not self.stop.is_set():
            self.name = self.numbered(base, number // MESSAGES_PER_NAME)
            await self._write(send, number, f"message {number}")
            number += 1
            await asyncio.sleep(self.pause)
        await self._write(send, number, f"person {number}")

    def numbered(self, base: str, number: int) -> str:
        """The name with the number ``number``."""
        return f"{base}-{number}"

    async def post(self, session: aiohttp.ClientSession, id: str, text: str) -> None:
        body = {"from": self.name, "id": id, "text": text}
        async with session.post(f"{self.next_url()}/{self.channel}", json=body) as response:
            response.raise_for_status()
        await asyncio.sleep(0.02)


class WebchatCustomer(Customer):
    """A page with a socket. It repeats what was not accepted, and fetches what it missed."""

    channel = "webchat"

    def __init__(self, name: str, ledger: Ledger, stop: asyncio.Event, *urls: str) -> None:
        super().__init__(name, ledger, stop, *urls)
        self.token: str | None = None
        self.last = 0

    async def reload(self) -> None:
        """Open the page anew: the socket sends all messages again."""
        url = self.next_url()
        async with (
            aiohttp.ClientSession(headers={"Origin": url}) as session,
            session.ws_connect(f"{url}/channels/webchat/socket") as socket,
        ):
            await socket.send_json({"type": "hello", "after": 0, "token": self.token})
            while (frame := await socket.receive_json())["type"] != "live":
                if frame["type"] == "message" and frame["author"] != "customer":
                    self.ledger.record_received("webchat", self.name, frame["text"])

    async def run(self) -> None:
        self._waiting: dict[str, asyncio.Future[None]] = {}
        self._unaccepted: dict[str, str] = {}
        self._retries: set[asyncio.Task[None]] = set()
        self._socket: aiohttp.ClientWebSocketResponse | None = None
        self._ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        connection = asyncio.create_task(self._stay_connected())
        try:
            await self._ready
            await self.talk(self._submit)
        finally:
            connection.cancel()

    async def _submit(self, id: str, text: str) -> None:
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting[id], self._unaccepted[id] = done, text
        await self._send(id)
        await done

    async def _send(self, id: str) -> None:
        if self._socket is None:
            return
        try:
            await self._socket.send_json({"type": "say", "id": id, "text": self._unaccepted[id]})
        except (aiohttp.ClientError, OSError):
            self.ledger.repeated += 1

    async def _send_later(self, id: str, wait: float) -> None:
        """Repeat a message that could not be stored, unless it is accepted meanwhile."""
        await asyncio.sleep(wait)
        if id in self._unaccepted:
            self.ledger.repeated += 1
            await self._send(id)

    async def _stay_connected(self) -> None:
        async with aiohttp.ClientSession() as session:
            while True:
                url = self.next_url()
                try:
                    async with session.ws_connect(
                        f"{url}/channels/webchat/socket", headers={"Origin": url}, heartbeat=5
                    ) as self._socket:
                        await self._receive()
                except (aiohttp.ClientError, OSError):
                    pass  # the gateway was killed; try again
                self._socket = None
                await asyncio.sleep(RETRY_DELAY)

    async def _receive(self) -> None:
        assert self._socket is not None
        hello = {"type": "hello", "after": self.last}
        await self._socket.send_json(hello | ({"token": self.token} if self.token else {}))
        async for frame in self._socket:
            if frame.type == aiohttp.WSMsgType.TEXT:
                await self._handle(json.loads(frame.data))

    async def _handle(self, frame: dict[str, object]) -> None:
        kind = frame["type"]
        if kind == "ready":
            self.token = str(frame["token"])
            self.name = str(frame["session"])
            if not self._ready.done():
                self._ready.set_result(None)
            for id in list(self._unaccepted):
                self.ledger.repeated += 1
                await self._send(id)
        elif kind == "accepted" and str(frame["id"]) in self._unaccepted:
            del self._unaccepted[str(frame["id"])]
            self._waiting.pop(str(frame["id"])).set_result(None)
        elif kind == "error" and str(frame.get("id")) in self._unaccepted:
            wait = float(str(frame.get("retry_after") or RETRY_DELAY))
            retry = asyncio.create_task(self._send_later(str(frame["id"]), wait))
            self._retries.add(retry)
            retry.add_done_callback(self._retries.discard)
        elif kind == "message":
            self.last = max(self.last, int(str(frame["id"])))
            if frame["author"] != "customer":
                self.ledger.record_shown(self.name, str(frame["text"]))
