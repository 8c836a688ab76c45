"""Fixtures of the cluster tests: a Redis, a proxy to it, and gateways that work together."""

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
from tests.cluster.server import RedisProxy, RedisServer
from tests.conftest import until
from tests.postgres import PostgresServer
from tests.spine.conftest import ANSWER_ALL, echo

LOCK, SWEEP, SWEEP_WITHOUT_REDIS, TIMEOUT = 1.0, 2.0, 0.5, 0.3
"""Seconds; shorter than the defaults, so that the tests are quick."""
BOUND = 30.0
"""Seconds within which everything is answered, on a busy machine."""


@pytest.fixture
async def redis(tmp_path: Path) -> AsyncIterator[RedisServer]:
    server = RedisServer(tmp_path)
    await server.start()
    yield server
    server.kill()


@pytest.fixture
async def proxy(redis: RedisServer) -> AsyncIterator[RedisProxy]:
    async with RedisProxy(redis.port) as proxy:
        yield proxy


class Provider(FakeChannel):
    """One provider for all gateways: ``delivered`` has what any of them sent."""

    def __init__(self, delivered: list[Outbound], **more: Any) -> None:
        super().__init__(**more)
        self.delivered = delivered

    async def send(self, message: Outbound) -> Sent:
        sent = await super().send(message)
        self.delivered.append(message)
        return sent


class GatewayCluster:
    """Gateways on one PostgreSQL database. ``delivered``: what was sent on channel ``fake``."""

    def __init__(self, folder: Path, url: str, stack: AsyncExitStack, database: str) -> None:
        self._folder, self._url, self._stack = folder, url, stack
        self._database = database
        self._count = 0
        self.delivered: list[Outbound] = []
        (folder / "policy.yaml").write_text(ANSWER_ALL, "utf-8")

    async def add(
        self,
        role: str = "all",
        *modules: ModuleType | Any,
        url: str | None = None,
        handler: FakeHandler | None = None,
        **config: Any,
    ) -> RunningGateway:
        """Start one more gateway. It runs until the test ends."""
        self._count += 1
        settings: dict[str, Any] = {
            "policy": str(self._folder / "policy.yaml"),
            "data_dir": str(self._folder / "var"),
            "redis_url": url or self._url,
            "database_url": self._database,
            "role": role,
            "process": {"name": f"process{self._count}"},
            "redis": {"timeout": TIMEOUT, "lock": LOCK, "sweep": SWEEP_WITHOUT_REDIS},
            **config,
        }
        settings["worker"] = {"sweep": SWEEP, "drain": 2.0, **config.get("worker", {})}
        plugins = (Provider(self.delivered), handler or FakeHandler(echo), *modules)
        folder = self._folder / f"process{self._count}"
        gateway = running(*plugins, config=settings, tmp_path=folder)
        return await self._stack.enter_async_context(gateway)

    def answers(self, customer: SimulatedCustomer) -> list[str]:
        return [message.text for message in self.delivered if message.address == customer.address]

    async def check_answers(self, customers: list[SimulatedCustomer], count: int) -> None:
        """Wait until each customer has an answer to each of ``count`` messages; check that each
        came once and in order."""
        expected = [f"You said {number}." for number in range(count)]
        await until(lambda: all(len(self.answers(c)) >= count for c in customers), BOUND)
        assert [self.answers(c) for c in customers] == [expected] * len(customers)


@pytest.fixture
def database(postgres: PostgresServer, tmp_path: Path) -> str:
    """The URL of an empty PostgreSQL database."""
    return database_of(tmp_path, postgres.url)


@pytest.fixture
async def cluster(
    redis: RedisServer, tmp_path: Path, database: str
) -> AsyncIterator[GatewayCluster]:
    async with AsyncExitStack() as stack:
        yield GatewayCluster(tmp_path, redis.url, stack, database)


async def write_all(
    customers: list[SimulatedCustomer],
    count: int,
    before_each: Callable[[int], Awaitable[None]] | None = None,
) -> None:
    """Each customer writes ``0`` to ``count - 1`` without waiting for answers. ``before_each`` is
    awaited before each number."""
    for number in range(count):
        if before_each is not None:
            await before_each(number)
        for customer in customers:
            await customer.write(str(number), remote_id=f"{customer.address.value}-{number}")
