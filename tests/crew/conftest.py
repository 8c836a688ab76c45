"""What the tests of the crew share: a Redis, wires to it, and gateways that work together."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from gateway import Sent
from gateway.model import Outbound
from gateway.testing import FakeChannel, FakeHandler, RunningGateway, SimulatedCustomer, running
from gateway.testing.databases import database_of
from tests.conftest import until
from tests.crew.server import RedisServer, Wire
from tests.postgres import PostgresServer
from tests.spine.conftest import ANSWER_ALL, echo

LOCK, SWEEP, WITHOUT, TIMEOUT = 1.0, 2.0, 0.5, 0.3
"""Seconds: short ones, so that what takes its time in earnest is tried in a few."""
BOUND = 30.0
"""Seconds within which everything is answered, on a machine that has other things to do."""


@pytest.fixture
async def redis(tmp_path: Path) -> AsyncIterator[RedisServer]:
    server = RedisServer(tmp_path)
    await server.start()
    yield server
    server.kill()


@pytest.fixture
async def wire(redis: RedisServer) -> AsyncIterator[Wire]:
    async with Wire(redis.port) as wire:
        yield wire


class Provider(FakeChannel):
    """The same provider for all gateways: what any of them sends arrives in one list."""

    def __init__(self, arrived: list[Outbound], **more: Any) -> None:
        super().__init__(**more)
        self.arrived = arrived

    async def send(self, message: Outbound) -> Sent:
        sent = await super().send(message)
        self.arrived.append(message)
        return sent


class Crew:
    """Gateways on one PostgreSQL database. ``arrived``: what customers of channel ``fake`` got."""

    def __init__(self, folder: Path, url: str, stack: AsyncExitStack, database: str) -> None:
        self._folder, self._url, self._stack = folder, url, stack
        self._database = database
        self._count = 0
        self.arrived: list[Outbound] = []
        (folder / "policy.yaml").write_text(ANSWER_ALL, "utf-8")

    async def join(
        self,
        role: str = "all",
        *modules: ModuleType | Any,
        url: str | None = None,
        handler: FakeHandler | None = None,
        **config: Any,
    ) -> RunningGateway:
        """One more. It works until the test ends."""
        self._count += 1
        settings: dict[str, Any] = {
            "policy": str(self._folder / "policy.yaml"),
            "data_dir": str(self._folder / "var"),
            "redis_url": url or self._url,
            "database_url": self._database,
            "role": role,
            "process": {"name": f"process{self._count}"},
            "redis": {"timeout": TIMEOUT, "lock": LOCK, "sweep": WITHOUT},
            **config,
        }
        settings["worker"] = {"sweep": SWEEP, "drain": 2.0, **config.get("worker", {})}
        guests = (Provider(self.arrived), handler or FakeHandler(echo), *modules)
        folder = self._folder / f"process{self._count}"
        one = running(*guests, config=settings, tmp_path=folder)
        return await self._stack.enter_async_context(one)

    def heard(self, customer: SimulatedCustomer) -> list[str]:
        return [one.text for one in self.arrived if one.address == customer.address]

    async def hear(self, customers: list[SimulatedCustomer], count: int) -> None:
        """Everybody got an answer to each of ``count`` messages: once, and in order."""
        wanted = [f"You said {number}." for number in range(count)]
        await until(lambda: all(len(self.heard(one)) >= count for one in customers), BOUND)
        assert [self.heard(one) for one in customers] == [wanted] * len(customers)


@pytest.fixture
def database(postgres: PostgresServer, tmp_path: Path) -> str:
    """An empty PostgreSQL database of this test."""
    return database_of(tmp_path, postgres.url)


@pytest.fixture
async def crew(redis: RedisServer, tmp_path: Path, database: str) -> AsyncIterator[Crew]:
    async with AsyncExitStack() as stack:
        yield Crew(tmp_path, redis.url, stack, database)


async def talk(
    customers: list[SimulatedCustomer],
    count: int,
    happening: Callable[[int], Awaitable[None]] | None = None,
) -> None:
    """Each says ``0`` to ``count - 1``, without waiting; ``happening`` is awaited before each."""
    for number in range(count):
        if happening is not None:
            await happening(number)
        for one in customers:
            await one.write(str(number), remote_id=f"{one.address.value}-{number}")
