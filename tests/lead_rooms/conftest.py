"""The shop, and leads at its desk."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
from aiohttp import ClientSession, CookieJar

from gateway.testing import RunningGateway
from tests.lead_rooms.shop import Lead, open_rooms

Enter = Callable[..., Awaitable[Lead]]


@pytest.fixture
async def shop(tmp_path: Path) -> AsyncIterator[RunningGateway]:
    async with open_rooms(tmp_path) as gateway:
        yield gateway


@pytest.fixture
async def enter(shop: RunningGateway) -> AsyncIterator[Enter]:
    """Signs somebody in."""
    sessions: list[ClientSession] = []

    async def enter_as(name: str = "ana") -> Lead:
        http = ClientSession(cookie_jar=CookieJar(unsafe=True))
        sessions.append(http)
        lead = Lead(http, shop.url)
        await lead.sign_in(name)
        return lead

    yield enter_as
    for http in sessions:
        await http.close()
