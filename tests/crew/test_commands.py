"""Roles on the command line."""

from __future__ import annotations

from asyncio import to_thread
from pathlib import Path

from tests.conftest import until
from tests.crew.conftest import BOUND, Crew
from tests.crew.server import RedisServer
from tests.story.serving import warmline


def test_a_role_on_a_database_of_one_process_is_refused(tmp_path: Path) -> None:
    """What, and how to mend it; no address of Redis, which may hold a password."""
    url = "redis://:secret@127.0.0.1:1/0"
    told = warmline("serve", "--role", "web", "--port", "0", folder=tmp_path, REDIS_URL=url)
    assert told.returncode == 1
    assert "role: `web` needs a database that several processes may share" in told.stderr
    assert "database_url" in told.stderr
    assert "secret" not in told.stderr


def test_alone_there_are_no_processes_to_list(tmp_path: Path) -> None:
    """The command says so."""
    told = warmline("processes", folder=tmp_path)
    assert told.returncode == 1
    assert "one process works alone" in told.stderr


async def test_the_processes_are_listed(crew: Crew, redis: RedisServer, tmp_path: Path) -> None:
    """With role and process id, as `warmline processes` finds them in Redis."""
    web = await crew.join("web")
    await until(web.gateway.cluster.processes, BOUND)
    # In a thread: a command takes seconds, and this loop renews what tells that `web` is there.
    told = await to_thread(warmline, "processes", folder=tmp_path, REDIS_URL=redis.url)
    assert told.returncode == 0, told.stderr
    assert "web" in told.stdout
    redis.kill()
    told = warmline("processes", folder=tmp_path, REDIS_URL=redis.url)
    assert told.returncode == 1
    assert "Redis at 127.0.0.1 cannot be used" in told.stderr
