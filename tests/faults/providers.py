"""The systems that the gateway calls: providers, which record what they accept, and an engine."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web
from aiohttp.test_utils import TestServer

from tests.crash.ledger import Ledger
from tests.sms.fake_twilio import FakeTwilio

WINDOW = 0.05
"""Seconds between accepting a message and answering: a window for faults."""


class ProviderServer:
    """One server for all providers and the engine, on `port`."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self.twilio = FakeTwilio()
        self.twilio.before_answering = self._record_sms
        self.port = 0

    async def _record_sms(self) -> None:
        message = self.twilio.sent[-1]
        self._ledger.record_delivered("sms", message["to"], message["sid"], message["body"])
        await asyncio.sleep(WINDOW)

    async def _accept(self, request: web.Request) -> web.Response:
        body = await request.json()
        channel = request.match_info["channel"]
        self._ledger.record_delivered(channel, body["to"], body["key"], body["text"])
        await asyncio.sleep(WINDOW)
        return web.Response()

    async def _parse(self, request: web.Request) -> web.Response:
        """Answer Rasa's ``/model/parse`` with the same intent for every text."""
        body = await request.json()
        intent = {"name": "small_talk", "confidence": 0.6}
        parsed = {
            "text": body["text"],
            "intent": intent,
            "intent_ranking": [intent],
            "entities": [],
        }
        return web.json_response(parsed)

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[None]:
        app = web.Application()
        app.add_routes(
            [
                *self.twilio.routes(),
                web.post("/model/parse", self._parse),
                web.post("/{channel:ask|resend}", self._accept),
            ]
        )
        async with TestServer(app, skip_url_asserts=True) as server:
            self.port = int(server.port or 0)
            yield
