"""Several plugins behind one webhook: its channel verifies and parses, subscribers choose."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import pytest
from aiohttp import web

from gateway import (
    Channel,
    HttpRoutes,
    Json,
    Poller,
    Services,
    Settings,
    Traits,
    WebhookSubscriber,
    hookimpl,
)
from gateway.testing import running


class EndpointChannel:
    """A channel with a webhook endpoint named ``shared``."""

    name = "shared"
    traits = Traits(mailbox=True)

    def routes(self, services: Services) -> Iterable[web.RouteDef]:
        async def receive(request: web.Request) -> web.Response:
            payload = await request.json()
            for subscriber in services.subscribers.get("shared", ()):
                if (answer := await subscriber.take(payload, services)) is not None:
                    return web.json_response(answer)
            return web.json_response("channel")

        return [web.post("/shared", receive)]

    @hookimpl
    def register_channels(self, register: Callable[[Channel], None], settings: Settings) -> None:
        register(self)


class NamedSubscriber:
    """Takes payloads whose ``for`` is its name."""

    def __init__(self, name: str, endpoint: str = "shared") -> None:
        self.name, self.endpoint = name, endpoint

    async def take(self, payload: Mapping[str, Json], services: Services) -> Json:
        if payload["for"] not in (self.name, "anyone"):
            return None
        return {"taken": self.name, "at": services.clock.now().year > 2000}

    @hookimpl
    def register_routes(
        self,
        register: Callable[[HttpRoutes | Poller | WebhookSubscriber], None],
        settings: Settings,
    ) -> None:
        register(self)


@pytest.mark.parametrize(
    ("to", "answer"),
    [
        ("anna", {"taken": "anna", "at": True}),
        ("bert", {"taken": "bert", "at": True}),
        ("anyone", {"taken": "anna", "at": True}),
        ("carl", "channel"),
        ("nobody", "channel"),
    ],
)
async def test_the_first_subscriber_that_answers_takes_the_payload(
    tmp_path: Path, to: str, answer: Json
) -> None:
    """Subscribers are called in order, those of other endpoints never; the channel has the rest."""
    plugins = (
        EndpointChannel(),
        NamedSubscriber("anna"),
        NamedSubscriber("bert"),
        NamedSubscriber("carl", endpoint="other"),
    )
    async with running(*plugins, tmp_path=tmp_path) as gw, gw.session() as http:
        assert set(gw.services.subscribers) == {"shared", "other"}
        response = await http.post("/shared", json={"for": to})
        assert await response.json() == answer


async def test_an_endpoint_without_subscribers(tmp_path: Path) -> None:
    """The channel handles every payload itself."""
    async with running(EndpointChannel(), tmp_path=tmp_path) as gw, gw.session() as http:
        response = await http.post("/shared", json={"for": "anna"})
        assert await response.json() == "channel"
