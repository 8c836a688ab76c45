"""An endpoint for our webhooks: a real server that verifies their signatures."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestServer
from standardwebhooks.webhooks import Webhook

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYqr"


class WebhookReceiver:
    """Keeps the events that it gets. It answers with ``responses``, one each, and then with 204.

    ``received``: all events; ``accepted``: those answered with 204, and ``ids``: their ids.
    """

    def __init__(self) -> None:
        self.received: list[dict[str, Any]] = []
        self.accepted: list[dict[str, Any]] = []
        self.ids: list[str] = []
        self.responses: list[web.Response] = []
        self.url = ""

    async def receive(self, request: web.Request) -> web.Response:
        event = Webhook(SECRET).verify(await request.read(), dict(request.headers))
        self.received.append(event)
        if self.responses:
            return self.responses.pop(0)
        self.accepted.append(event)
        self.ids.append(request.headers["webhook-id"])
        return web.Response(status=204)

    def event_types(self) -> list[str]:
        return [event["type"] for event in self.accepted]

    def received_text(self) -> str:
        return json.dumps(self.received)

    def config(self, **more: Any) -> dict[str, Any]:
        """Settings that name this server as the endpoint ``crm``."""
        endpoint = {"url": self.url, "secret": SECRET, "allow_private": True, **more}
        return {"webhooks": {"endpoints": {"crm": endpoint}, "backoff_first": 1.0}}


@asynccontextmanager
async def webhook_receiver() -> AsyncIterator[WebhookReceiver]:
    receiver = WebhookReceiver()
    app = web.Application()
    app.router.add_post("/hooks", receiver.receive)
    server = TestServer(app)
    await server.start_server()
    receiver.url = str(server.make_url("/hooks"))
    try:
        yield receiver
    finally:
        await server.close()
