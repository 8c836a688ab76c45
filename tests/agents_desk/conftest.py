"""A desk on a real HTTP server, with a small town behind it."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import argon2
import pytest
from aiohttp import ClientResponse, ClientSession, CookieJar, web
from aiohttp.test_utils import TestServer

from plugins.agents_desk import DeskSettings, DeskUser, WebDesk
from plugins.agents_desk.settings import Role
from tests.agents_desk.town import Town, peopled

PASSWORD = "correct horse battery"
CHEAP = argon2.PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
TOKEN = re.compile(r'name="csrf" value="([0-9a-f]+)"')


class Visit:
    """A browser without scripts: it keeps cookies and sends the forms it was given."""

    def __init__(self, http: ClientSession, url: str) -> None:
        self.http, self.url, self.page = http, url, ""

    async def open(self, path: str, **more: object) -> ClientResponse:
        answer = await self.http.get(self.url + path, **more)
        self.page = await answer.text()
        return answer

    async def send(self, path: str, *, csrf: str | None = None, **fields: str) -> ClientResponse:
        """Send a form; its token is the one of the page that was read last."""
        known = TOKEN.search(self.page)
        token = csrf if csrf is not None else known[1] if known else ""
        answer = await self.http.post(self.url + path, data={"csrf": token, **fields})
        self.page = await answer.text()
        return answer

    def field(self, name: str, after: str = "") -> str:
        """The value of the first field ``name`` of the page, or of the first behind ``after``."""
        part = self.page[self.page.index(after) :]
        found = re.search(rf'name="{name}"[^>]*value="([^"]*)"', part)
        assert found, f"no field {name}"
        return found[1]

    async def sign_in(self, name: str = "ana", password: str = PASSWORD) -> ClientResponse:
        await self.open("/desk/sign-in")
        return await self.send("/desk/sign-in", name=name, password=password, next="/desk")


def user(name: str, role: Role = "lead") -> DeskUser:
    return DeskUser(
        name=name,
        password_hash=CHEAP.hash(PASSWORD),
        display_name=name.capitalize(),
        role=role,
    )


@pytest.fixture
def town() -> Town:
    return peopled()


@pytest.fixture
def settings() -> DeskSettings:
    users = (user("ana"), user("ben"), user("cleo", "agent"), user("dora", "admin"))
    return DeskSettings(users=users, skills=("orders", "billing"))


@pytest.fixture
async def url(town: Town, settings: DeskSettings, tmp_path: Path) -> AsyncIterator[str]:
    """The address of a running desk."""
    desk = WebDesk(settings=settings, data_dir=tmp_path, public_url="http://x", longest=2000)
    app = web.Application()
    app.add_routes(desk.routes(town.house))
    server = TestServer(app)
    # Streams are open for ever; nobody waits for them here.
    await server.start_server(shutdown_timeout=0.1)
    yield str(server.make_url("")).rstrip("/")
    await server.close()


@pytest.fixture
async def visitor(url: str) -> AsyncIterator[Callable[[], Visit]]:
    """Makes browsers that nobody is signed in with."""
    sessions: list[ClientSession] = []

    def make() -> Visit:
        sessions.append(ClientSession(cookie_jar=CookieJar(unsafe=True)))
        return Visit(sessions[-1], url)

    yield make
    for session in sessions:
        await session.close()


@pytest.fixture
async def ana(visitor: Callable[[], Visit]) -> Visit:
    return await _signed_in(visitor(), "ana")


@pytest.fixture
async def ben(visitor: Callable[[], Visit]) -> Visit:
    return await _signed_in(visitor(), "ben")


async def _signed_in(visit: Visit, name: str) -> Visit:
    answer = await visit.sign_in(name)
    assert answer.status == 200
    assert answer.url.path == "/desk"
    return visit


Make = Callable[[], Awaitable[Visit]]
