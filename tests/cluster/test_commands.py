"""Roles and the list of processes on the command line."""

from __future__ import annotations

from asyncio import to_thread
from pathlib import Path

from tests.cluster.conftest import BOUND, GatewayCluster
from tests.cluster.server import RedisServer
from tests.conftest import until
from tests.story.serving import warmline


def test_a_role_needs_a_database_that_processes_can_share(tmp_path: Path) -> None:
    """The error says what to do, and does not show the Redis URL, which may hold a password."""
    url = "redis://:secret@127.0.0.1:1/0"
    result = warmline("serve", "--role", "web", "--port", "0", folder=tmp_path, REDIS_URL=url)
    assert result.returncode == 1
    assert "role: `web` needs a database that several processes may share" in result.stderr
    assert "database_url" in result.stderr
    assert "secret" not in result.stderr


def test_listing_processes_fails_without_redis_url(tmp_path: Path) -> None:
    """The error says that one process works alone."""
    result = warmline("processes", folder=tmp_path)
    assert result.returncode == 1
    assert "one process works alone" in result.stderr


async def test_processes_are_listed(
    cluster: GatewayCluster, redis: RedisServer, tmp_path: Path
) -> None:
    """`warmline processes` shows each with its role, as it finds them in Redis."""
    web = await cluster.add("web")
    await until(web.gateway.cluster.processes, BOUND)
    # In a thread: the command takes seconds, and this loop must renew the entry of `web`.
    result = await to_thread(warmline, "processes", folder=tmp_path, REDIS_URL=redis.url)
    assert result.returncode == 0, result.stderr
    assert "web" in result.stdout
    redis.kill()
    result = warmline("processes", folder=tmp_path, REDIS_URL=redis.url)
    assert result.returncode == 1
    assert "Redis at 127.0.0.1 cannot be used" in result.stderr
