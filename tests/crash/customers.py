"""Customers who do not give up: they repeat what was not acknowledged, with the same id."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import Awaitable, Callable

import aiohttp

from tests.crash.ledger import Ledger

PATIENCE = 0.05
"""Seconds before what failed is tried again."""
ROUND = 10


class Customer:
    """Writes ``message 0``, ``message 1`` ... one after the other, until told to stop; the last
    words ask for a person. ``urls``: the gateway's addresses, tried in turn; ``pause``: seconds
    between two messages; ``patience``: before one that was refused is said again."""

    channel = ""
    pause = 0.0
    patience = PATIENCE

    def __init__(self, name: str, ledger: Ledger, stop: asyncio.Event, *urls: str) -> None:
        self.name, self.ledger, self.stop = name, ledger, stop
        self._urls = itertools.cycle(urls)

    def where(self) -> str:
        """The address to try next."""
        return next(self._urls)

    async def live(self) -> None:
        async with aiohttp.ClientSession() as session:
            await self.talk(self._insisting(session))

    async def talk(self, say: Callable[[str, str], Awaitable[None]]) -> None:
        number = 0
        while not self.stop.is_set():
            await self._one(say, number, f"message {number}")
            number += 1
            await asyncio.sleep(self.pause)
        await self._one(say, number, f"person {number}")

    async def _one(
        self, say: Callable[[str, str], Awaitable[None]], number: int, text: str
    ) -> None:
        await say(f"{self.name}-message-{number}", text)
        self.ledger.accepted(self.channel, self.name, text)

    def _insisting(self, session: aiohttp.ClientSession) -> Callable[[str, str], Awaitable[None]]:
        async def say(id: str, text: str) -> None:
            while True:
                try:
                    async with asyncio.timeout(10):
                        return await self.post(session, id, text)
                except (aiohttp.ClientError, OSError, TimeoutError):
                    self.ledger.repeated += 1
                    await asyncio.sleep(self.patience)

        return say

    async def post(self, session: aiohttp.ClientSession, id: str, text: str) -> None:
        raise NotImplementedError


class RestCustomer(Customer):
    """Waits for each answer before the next message."""

    channel = "rest"

    async def post(self, session: aiohttp.ClientSession, id: str, text: str) -> None:
        body = {"sender": self.name, "message": text, "message_id": id}
        url = f"{self.where()}/webhooks/rest/webhook"
        async with session.post(url, json=body) as response:
            response.raise_for_status()
            await response.json()


class ProviderCustomer(Customer):
    """Reaches us through a provider that repeats its webhook until it gets a 200.

    Writes under a new name every `ROUND` messages: a conversation that was given to a person
    because nobody knew whether a reply arrived is theirs from then on.
    """

    def __init__(
        self, channel: str, name: str, ledger: Ledger, stop: asyncio.Event, *urls: str
    ) -> None:
        super().__init__(name, ledger, stop, *urls)
        self.channel = channel

    async def talk(self, say: Callable[[str, str], Awaitable[None]]) -> None:
        base, number = self.name, 0
        while not self.stop.is_set():
            self.name = self.called(base, number // ROUND)
            await self._one(say, number, f"message {number}")
            number += 1
            await asyncio.sleep(self.pause)
        await self._one(say, number, f"person {number}")

    def called(self, base: str, number: int) -> str:
        """The name of one of many."""
        return f"{base}-{number}"

    async def post(self, session: aiohttp.ClientSession, id: str, text: str) -> None:
        body = {"from": self.name, "id": id, "text": text}
        async with session.post(f"{self.where()}/{self.channel}", json=body) as response:
            response.raise_for_status()
        await asyncio.sleep(0.02)


class WebchatCustomer(Customer):
    """A page with a socket: says again what was not accepted, and asks for what it missed."""

    channel = "webchat"

    def __init__(self, name: str, ledger: Ledger, stop: asyncio.Event, *urls: str) -> None:
        super().__init__(name, ledger, stop, *urls)
        self.token: str | None = None
        self.last = 0

    async def look_again(self) -> None:
        """Open the page anew, with nothing in it: all that was ever said comes again."""
        url = self.where()
        async with (
            aiohttp.ClientSession(headers={"Origin": url}) as session,
            session.ws_connect(f"{url}/channels/webchat/socket") as socket,
        ):
            await socket.send_json({"type": "hello", "after": 0, "token": self.token})
            while (frame := await socket.receive_json())["type"] != "live":
                if frame["type"] == "message" and frame["author"] != "customer":
                    self.ledger.heard("webchat", self.name, frame["text"])

    async def live(self) -> None:
        self._waiting: dict[str, asyncio.Future[None]] = {}
        self._open: dict[str, str] = {}
        self._later: set[asyncio.Task[None]] = set()
        self._socket: aiohttp.ClientWebSocketResponse | None = None
        self._fresh: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        line = asyncio.create_task(self._line())
        try:
            await self._fresh
            await self.talk(self._say)
        finally:
            line.cancel()

    async def _say(self, id: str, text: str) -> None:
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting[id], self._open[id] = done, text
        await self._send(id)
        await done

    async def _send(self, id: str) -> None:
        if self._socket is None:
            return
        try:
            await self._socket.send_json({"type": "say", "id": id, "text": self._open[id]})
        except (aiohttp.ClientError, OSError):
            self.ledger.repeated += 1

    async def _send_later(self, id: str, wait: float) -> None:
        """It could not be stored just then: said again, unless it has been meanwhile."""
        await asyncio.sleep(wait)
        if id in self._open:
            self.ledger.repeated += 1
            await self._send(id)

    async def _line(self) -> None:
        async with aiohttp.ClientSession() as session:
            while True:
                url = self.where()
                try:
                    async with session.ws_connect(
                        f"{url}/channels/webchat/socket", headers={"Origin": url}, heartbeat=5
                    ) as self._socket:
                        await self._hello()
                except (aiohttp.ClientError, OSError):
                    pass  # the gateway was killed; try again
                self._socket = None
                await asyncio.sleep(PATIENCE)

    async def _hello(self) -> None:
        assert self._socket is not None
        hello = {"type": "hello", "after": self.last}
        await self._socket.send_json(hello | ({"token": self.token} if self.token else {}))
        async for frame in self._socket:
            if frame.type == aiohttp.WSMsgType.TEXT:
                await self._heard(json.loads(frame.data))

    async def _heard(self, frame: dict[str, object]) -> None:
        kind = frame["type"]
        if kind == "ready":
            self.token = str(frame["token"])
            self.name = str(frame["session"])
            if not self._fresh.done():
                self._fresh.set_result(None)
            for id in list(self._open):
                self.ledger.repeated += 1
                await self._send(id)
        elif kind == "accepted" and str(frame["id"]) in self._open:
            del self._open[str(frame["id"])]
            self._waiting.pop(str(frame["id"])).set_result(None)
        elif kind == "error" and str(frame.get("id")) in self._open:
            wait = float(str(frame.get("retry_after") or PATIENCE))
            later = asyncio.create_task(self._send_later(str(frame["id"]), wait))
            self._later.add(later)
            later.add_done_callback(self._later.discard)
        elif kind == "message":
            self.last = max(self.last, int(str(frame["id"])))
            if frame["author"] != "customer":
                self.ledger.saw(self.name, str(frame["text"]))
