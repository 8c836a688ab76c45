"""A desk of two brands, with Dora and Edda as admins: Edda works for one brand only."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import argon2
import pytest
from aiohttp import ClientSession, CookieJar

from gateway.testing import FakeChannel, RunningGateway, running
from plugins import agents_desk
from plugins.agents_desk.settings import Role
from tests.agents_desk.conftest import FAST_HASHER, Visit, as_config, user
from tests.agents_desk.conversations import JumpClock

NEW = "a brand new password"
LINK = re.compile(r"/desk/join\?link=([A-Za-z0-9_-]{43})\"")
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"
BRANDS = {
    "north": {"title": "North Outdoor", "support_addresses": ["sms"]},
    "south": {"title": "South Home", "support_addresses": ["sms/south"]},
}


class AccountDesk:
    """A running desk, its clock and its browsers."""

    def __init__(self, gw: RunningGateway, clock: JumpClock, stack: AsyncExitStack) -> None:
        self.gw, self.clock, self._stack = gw, clock, stack

    async def browser(self, name: str = "", agent: str = FIREFOX, **options: Any) -> Visit:
        """A browser, in which ``name`` is signed in."""
        http = ClientSession(
            cookie_jar=CookieJar(unsafe=True), headers={"User-Agent": agent}, **options
        )
        visit = Visit(await self._stack.enter_async_context(http), self.gw.url)
        if name:
            assert (await visit.sign_in(name)).url.path == "/desk"
        return visit

    async def invite(self, admin: Visit, name: str = "eve", **fields: str) -> str:
        """The token of a new invitation."""
        await admin.open("/desk/users")
        given = {"role": "agent", "display_name": "Eve Adler", **fields}
        answer = await admin.send("/desk/users/invite", name=name, **given)
        assert answer.status == 200, admin.page
        return token_of(admin)

    async def join(
        self, visit: Visit, token: str, password: str = NEW, again: str | None = None, **more: str
    ) -> int:
        """Open the link and choose a password; the last status."""
        answer = await visit.open(f"/desk/join?link={token}")
        if answer.status != 200:
            return answer.status
        repeated = password if again is None else again
        answer = await visit.send(
            "/desk/join", link=token, password=password, again=repeated, **more
        )
        return answer.status

    async def audit(self, *whats: str) -> list[tuple[str, str, str]]:
        lines = reversed(await self.gw.services.audit.lines())
        return [(line.who, line.what, line.detail) for line in lines if line.what in whats]


def token_of(visit: Visit) -> str:
    """The token of the link that the page shows."""
    found = LINK.search(visit.page)
    assert found
    return found[1]


@pytest.fixture(autouse=True)
def cheap_new_passwords(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(argon2, "PasswordHasher", lambda **_: FAST_HASHER)


@pytest.fixture
def second_factor() -> tuple[Role, ...]:
    """The roles that must have one, for tests to replace."""
    return ()


@pytest.fixture
async def desk(tmp_path: Path, second_factor: tuple[Role, ...]) -> AsyncIterator[AccountDesk]:
    people = [as_config(user(name, "admin")) for name in ("dora", "edda")]
    people[1]["brands"] = ["north"]
    people += [as_config(user("cleo", "agent"))]
    config = {
        "brands": BRANDS,
        "plugins": {"agents_desk": {"users": people, "second_factor": second_factor}},
    }
    clock = JumpClock()
    channels = (FakeChannel("sms"), FakeChannel("sms", support_address="south"))
    async with (
        AsyncExitStack() as stack,
        running(agents_desk, *channels, config=config, tmp_path=tmp_path, clock=clock) as gw,
    ):
        yield AccountDesk(gw, clock, stack)


@pytest.fixture
async def dora(desk: AccountDesk) -> Visit:
    return await desk.browser("dora")
