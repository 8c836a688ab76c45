"""A web process and two workers, each a `warmline serve` of its own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from aiohttp import ClientSession

from tests.cluster.server import RedisServer
from tests.story.serving import Server

CONFIG = """
channels: {rest: {open: true, requests_per_address: null, answer_timeout: 60}, email: false}
brand_voice: true
plugins: {escalation: {}}
redis: {lock: 2, timeout: 0.5, sweep: 1}
worker: {sweep: 3}
"""


@pytest.fixture
async def servers(
    redis: RedisServer, database: str, tmp_path: Path
) -> AsyncIterator[dict[str, Server]]:
    with ExitStack() as stack:
        started = {}
        for name in ("web", "worker1", "worker2"):
            folder = tmp_path / name
            folder.mkdir()
            (folder / "warmline.yaml").write_text(CONFIG, "utf-8")
            where = {"DATABASE_URL": database, "REDIS_URL": redis.url}
            role = {"WARMLINE_ROLE": name.rstrip("12"), "WARMLINE_DATA_DIR": str(tmp_path / "var")}
            started[name] = server = Server(folder, **where, **role)
            stack.callback(server.clear)
            await server.start()
        yield started


async def test_every_customer_is_answered_when_a_worker_is_killed(
    servers: dict[str, Server],
) -> None:
    """Each customer gets one answer through the web process, which works no lanes itself, before
    and after one of the workers is killed."""
    web = servers["web"]
    listed = web.command("processes").stdout
    assert [listed.count(role) for role in (" web ", " worker ")] == [1, 2]
    async with ClientSession(web.url) as http:

        async def ask(name: str) -> int:
            body = {"sender": name, "message": "I want to talk to a person"}
            async with http.post("/webhooks/rest/webhook", json=body) as response:
                return len(await response.json())

        before = asyncio.gather(*(ask(f"a{number}") for number in range(8)))
        await servers["worker1"].kill()
        after = await asyncio.gather(*(ask(f"b{number}") for number in range(8)))
        answers = [*await before, *after]
    assert min(answers) >= 1
    assert len(set(answers)) == 1
    for name in ("web", "worker2"):
        assert await servers[name].stop() == 0, servers[name].told
