"""What we depend on out there: the providers, which write down what they take, and an engine."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web
from aiohttp.test_utils import TestServer

from tests.crash.ledger import Ledger
from tests.sms.fake_twilio import FakeTwilio

WINDOW = 0.05
"""Seconds between taking a message and saying so: a window for killers."""


class FarEnds:
    """One server for all; `port` is where it listens."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self.twilio = FakeTwilio()
        self.twilio.before_answering = self._texted
        self.port = 0

    async def _texted(self) -> None:
        taken = self.twilio.sent[-1]
        self._ledger.delivered("sms", taken["to"], taken["sid"], taken["body"])
        await asyncio.sleep(WINDOW)

    async def _take(self, request: web.Request) -> web.Response:
        body = await request.json()
        channel = request.match_info["channel"]
        self._ledger.delivered(channel, body["to"], body["key"], body["text"])
        await asyncio.sleep(WINDOW)
        return web.Response()

    async def _parse(self, request: web.Request) -> web.Response:
        """Rasa's answer to ``/model/parse``: this one understands nothing in particular."""
        said = await request.json()
        intent = {"name": "small_talk", "confidence": 0.6}
        told = {"text": said["text"], "intent": intent, "intent_ranking": [intent], "entities": []}
        return web.json_response(told)

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[None]:
        app = web.Application()
        app.add_routes(
            [
                *self.twilio.routes(),
                web.post("/model/parse", self._parse),
                web.post("/{channel:pigeon|parrot}", self._take),
            ]
        )
        async with TestServer(app, skip_url_asserts=True) as server:
            self.port = int(server.port or 0)
            yield
