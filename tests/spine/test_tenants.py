"""Several guests behind one door: the keeper verifies and parses, the tenants choose."""

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


class Keeper:
    """A channel that keeps a door named ``tower``."""

    name = "tower"
    traits = Traits(mailbox=True)

    def routes(self, services: Services) -> Iterable[web.RouteDef]:
        async def receive(request: web.Request) -> web.Response:
            payload = await request.json()
            for tenant in services.subscribers.get("tower", ()):
                if (answer := await tenant.take(payload, services)) is not None:
                    return web.json_response(answer)
            return web.json_response("keeper")

        return [web.post("/tower", receive)]

    @hookimpl
    def register_channels(self, register: Callable[[Channel], None], settings: Settings) -> None:
        register(self)


class Lodger:
    """Takes payloads whose ``for`` is its name."""

    def __init__(self, name: str, endpoint: str = "tower") -> None:
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
        ("carl", "keeper"),
        ("nobody", "keeper"),
    ],
)
async def test_the_first_who_wants_it_takes_it(tmp_path: Path, to: str, answer: Json) -> None:
    """Tenants are asked in order; another door's are not; what is left is the keeper's."""
    guests = (Keeper(), Lodger("anna"), Lodger("bert"), Lodger("carl", endpoint="cellar"))
    async with running(*guests, tmp_path=tmp_path) as gw, gw.session() as http:
        assert set(gw.services.subscribers) == {"tower", "cellar"}
        response = await http.post("/tower", json={"for": to})
        assert await response.json() == answer


async def test_a_door_without_tenants(tmp_path: Path) -> None:
    """Nobody need take part."""
    async with running(Keeper(), tmp_path=tmp_path) as gw, gw.session() as http:
        response = await http.post("/tower", json={"for": "anna"})
        assert await response.json() == "keeper"
