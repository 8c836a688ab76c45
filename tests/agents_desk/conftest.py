"""The desk on a running gateway, and browsers without scripts that visit it."""

from __future__ import annotations

import asyncio
import re
import shutil
from collections.abc import AsyncIterator, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import argon2
import pytest
from aiohttp import ClientResponse, ClientSession, CookieJar

from gateway.testing.databases import ON_POSTGRES
from plugins.agents_desk import DeskUser
from plugins.agents_desk.access import accounts
from plugins.agents_desk.settings import Role
from tests.agents_desk.conversations import DeskGateway, play

PASSWORD = "correct horse battery"
FAST_HASHER = argon2.PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
CSRF_FIELD = re.compile(r'name="csrf" value="([0-9a-f]+)"')
FOLDER = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests on the prepared conversations start from a copy of an SQLite file."""
    for item in items:
        if FOLDER in item.path.parents and "conversations" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.sqlite)


class Visit:
    """A browser without scripts: it keeps cookies and submits the forms it was given."""

    def __init__(self, http: ClientSession, url: str) -> None:
        self.http, self.url, self.page = http, url, ""

    async def open(self, path: str, **options: Any) -> ClientResponse:
        response = await self.http.get(self.url + path, **options)
        self.page = await response.text()
        return response

    async def send(self, path: str, *, csrf: str | None = None, **fields: str) -> ClientResponse:
        """Submit a form, with the token of the page that was read last."""
        found = CSRF_FIELD.search(self.page)
        token = csrf if csrf is not None else found[1] if found else ""
        response = await self.http.post(self.url + path, data={"csrf": token, **fields})
        self.page = await response.text()
        return response

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
        password_hash=FAST_HASHER.hash(PASSWORD),
        display_name=name.capitalize(),
        role=role,
    )


def as_config(user: DeskUser) -> dict[str, Any]:
    """A user as the settings file has it."""
    return {**user.model_dump(), "password_hash": user.password_hash.get_secret_value()}


@pytest.fixture(autouse=True)
def cheap_passwords(monkeypatch: pytest.MonkeyPatch) -> None:
    """Unknown names cost as little to check as the users of these tests."""
    monkeypatch.setattr(accounts, "UNUSED_HASH", FAST_HASHER.hash("discarded"))


@pytest.fixture(scope="session")
def conversations(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the data directory of the prepared conversations, made once."""
    folder = tmp_path_factory.mktemp("conversations")
    with (
        pytest.MonkeyPatch.context() as environment,
        ThreadPoolExecutor(1) as other_thread,  # this one may have an event loop
    ):
        environment.delenv(ON_POSTGRES, raising=False)
        other_thread.submit(asyncio.run, play(folder)).result()
    return folder


@pytest.fixture
def desk_settings() -> dict[str, Any]:
    """More settings of the desk, besides its users; tests and modules replace them. Most want
    answers to leave at once."""
    return {"undo_send": 0}


@pytest.fixture
def desk_plugins() -> Mapping[str, object]:
    """More plugins by the names of their sections, for modules to replace."""
    return {}


@pytest.fixture
async def gw(
    conversations: Path,
    tmp_path: Path,
    desk_settings: dict[str, Any],
    desk_plugins: Mapping[str, object],
) -> AsyncIterator[DeskGateway]:
    """A gateway with the prepared conversations. Ana and Ben are leads, Cleo is an agent, Dora an
    admin."""
    shutil.copytree(conversations / "var", tmp_path / "var")
    users = (user("ana"), user("ben"), user("cleo", "agent"), user("dora", "admin"))
    gateway = DeskGateway(plugins=tuple(desk_plugins.values()))
    gateway.plugin_settings = {name: {} for name in desk_plugins}
    settings = {"undo_send": 0, **desk_settings}
    async with gateway.start(tmp_path, [as_config(user) for user in users], settings):
        yield gateway


@pytest.fixture
def url(gw: DeskGateway) -> str:
    """The address of the running gateway."""
    return gw.url


@pytest.fixture
async def visitor(url: str) -> AsyncIterator[Callable[[], Visit]]:
    """Makes browsers in which nobody is signed in."""
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
    response = await visit.sign_in(name)
    assert response.status == 200
    assert response.url.path == "/desk"
    return visit
