"""Another system that hears our webhooks: a real server that verifies what it is told."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestServer
from standardwebhooks.webhooks import Webhook

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYqr"


class Receiver:
    """Keeps what it took; answers by ``answers``, one each, then 204."""

    def __init__(self) -> None:
        self.tried: list[dict[str, Any]] = []
        self.taken: list[dict[str, Any]] = []
        self.ids: list[str] = []
        self.answers: list[web.Response] = []
        self.url = ""

    async def hear(self, request: web.Request) -> web.Response:
        event = Webhook(SECRET).verify(await request.read(), dict(request.headers))
        self.tried.append(event)
        if self.answers:
            return self.answers.pop(0)
        self.taken.append(event)
        self.ids.append(request.headers["webhook-id"])
        return web.Response(status=204)

    def names(self) -> list[str]:
        return [event["type"] for event in self.taken]

    def words(self) -> str:
        return json.dumps(self.tried)

    def config(self, **more: Any) -> dict[str, Any]:
        """Settings that name this server as the endpoint ``crm``."""
        there = {"url": self.url, "secret": SECRET, "allow_private": True, **more}
        return {"webhooks": {"endpoints": {"crm": there}, "backoff_first": 1.0}}


@asynccontextmanager
async def receiver() -> AsyncIterator[Receiver]:
    here = Receiver()
    app = web.Application()
    app.router.add_post("/hooks", here.hear)
    server = TestServer(app)
    await server.start_server()
    here.url = str(server.make_url("/hooks"))
    try:
        yield here
    finally:
        await server.close()
