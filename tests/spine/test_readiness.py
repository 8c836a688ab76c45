"""``/readyz`` tells the truth: what stops messages is 503, what does not is named as degraded."""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from aiohttp import ClientSession
from sqlalchemy import Connection, text

from gateway import HttpRoutes, Reply, Settings, Turn, WarmlineError, hookimpl
from gateway.adapters.sql.engine.sqlite import SqliteDatabase
from gateway.app import build_gateway
from gateway.testing import (
    FakeChannel,
    FakeHandler,
    PlainVoice,
    RunningGateway,
    as_plugins,
    running,
    settings_for,
)
from tests.conftest import until

from .conftest import echo


async def readiness(gw: RunningGateway) -> tuple[int, dict[str, Any]]:
    async with ClientSession(gw.url) as http, http.get("/readyz") as response:
        return response.status, await response.json()


async def test_a_well_gateway_is_ready(tmp_path: Path, answer_all: dict[str, Any]) -> None:
    """Every check says ok, and nothing is degraded."""
    async with running(
        FakeChannel(), FakeHandler(echo), config=answer_all, tmp_path=tmp_path
    ) as gw:
        await gw.customer("fake", "carla").say("hello")
        status, state = await readiness(gw)
        assert (status, state["status"], state["warnings"]) == (200, "ok", {})


@pytest.mark.sqlite
async def test_a_locked_database_is_not_ready(tmp_path: Path) -> None:
    """A read would succeed; only a write shows it. Once it is free, all is well again."""
    async with running(FakeChannel(), tmp_path=tmp_path) as gw:
        other = sqlite3.connect(tmp_path / "var" / "warmline.db", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        status, state = await readiness(gw)
        assert status == 503
        assert "another process may hold it" in state["checks"]["database"]
        other.execute("ROLLBACK")
        other.close()

        async def ready() -> bool:
            return (await readiness(gw))[0] == 200

        assert await until(ready)


class DiskUsage(NamedTuple):
    total: int
    used: int
    free: int


async def test_a_full_disk_is_not_ready(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The answer says how much is left, where, and what the setting asks for."""
    async with running(FakeChannel(), tmp_path=tmp_path) as gw:
        monkeypatch.setattr(shutil, "disk_usage", lambda _: DiskUsage(10**9, 10**9, 5_000_000))
        status, state = await readiness(gw)
        assert status == 503
        assert "5 MB are left" in state["checks"]["database"]
        assert "limits.disk" in state["checks"]["database"]


@pytest.mark.sqlite
async def test_damage_that_a_query_meets_is_not_ready(tmp_path: Path) -> None:
    """It stays so until a backup is restored."""
    async with running(FakeChannel(), tmp_path=tmp_path) as gw:

        def find_damage(_: Connection) -> None:
            error = sqlite3.DatabaseError("database disk image is malformed")
            error.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
            raise error

        with pytest.raises(sqlite3.DatabaseError):
            await gw.gateway.database.read(find_damage)
        status, state = await readiness(gw)
        assert status == 503
        assert "warmline restore" in state["checks"]["database"]


def write_garbage(file: Path, at: int) -> None:
    with file.open("r+b") as opened:
        opened.seek(at)
        opened.write(b"\xff" * 4096)


@pytest.mark.sqlite
async def test_a_damaged_page_is_found_at_the_start(
    tmp_path: Path, answer_all: dict[str, Any]
) -> None:
    """Before any query meets it."""
    async with running(
        FakeChannel(), FakeHandler(echo), config=answer_all, tmp_path=tmp_path
    ) as gw:
        for number in range(40):
            await gw.customer("fake", f"c{number}").say("x" * 500)
        [page] = await gw.gateway.database.read(
            lambda c: c.execute(
                text("SELECT rootpage FROM sqlite_master WHERE name = 'ix_messages_remote'")
            ).one()
        )
        await gw.gateway.database.checkpoint()
    write_garbage(tmp_path / "var" / "warmline.db", (page - 1) * 4096)
    async with running(
        FakeChannel(), FakeHandler(echo), config=answer_all, tmp_path=tmp_path
    ) as gw:

        async def damaged() -> str | None:
            status, state = await readiness(gw)
            return state["checks"]["database"] if status == 503 else None

        assert "damaged" in await until(damaged)


@pytest.mark.sqlite
@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda file: file.write_bytes(b"no database at all" * 99), "it is damaged"),
        (lambda file: file.mkdir(), "cannot be opened"),
    ],
    ids=["garbage", "a folder"],
)
async def test_a_database_that_cannot_be_opened_is_named_in_words(
    spoil: Callable[[Path], object], words: str, tmp_path: Path
) -> None:
    """No traceback: what it is, where, and what to do."""
    plugins = as_plugins([FakeChannel(), PlainVoice()])
    gateway = build_gateway(plugins, settings_for(plugins, {}, tmp_path))
    assert isinstance(gateway.database, SqliteDatabase)
    spoil(gateway.database.file)
    with pytest.raises(WarmlineError, match=words) as raised:
        await gateway.open_database()
    assert str(gateway.database.file) in str(raised.value)


class Page:
    """A plugin that is no channel, and that is not well."""

    name = "page"

    def routes(self, services: object) -> list[Any]:
        return []

    async def trouble(self) -> str | None:
        return "its token was revoked"

    @hookimpl
    def register_routes(self, register: Callable[[HttpRoutes], None], settings: Settings) -> None:
        register(self)


class CrashingCheck(Page):
    """Its check raises what would stop the server."""

    async def trouble(self) -> str | None:
        raise SystemExit(1)


@pytest.mark.parametrize(
    ("plugin", "words"), [(Page(), "revoked"), (CrashingCheck(), "PluginCrashed")]
)
async def test_the_trouble_of_a_plugin_is_degraded(
    plugin: Page, words: str, tmp_path: Path
) -> None:
    """It is named, and messages are taken all the same."""
    async with running(FakeChannel(), plugin, tmp_path=tmp_path) as gw:
        status, state = await readiness(gw)
        assert (status, state["status"]) == (200, "degraded")
        assert words in state["warnings"]["page"]


class BrokenChannel(FakeChannel):
    async def trouble(self) -> str | None:
        return "the token is wrong"


async def test_the_trouble_of_a_channel_is_not_ready(tmp_path: Path) -> None:
    """Its customers cannot write."""
    async with running(BrokenChannel(), tmp_path=tmp_path) as gw:
        status, state = await readiness(gw)
        assert (status, state["status"]) == (503, "unavailable")
        assert state["checks"]["channel fake"] == "the token is wrong"


def broken(turn: Turn) -> Reply | None:
    raise RuntimeError("broken")


async def test_a_failing_handler_is_degraded(tmp_path: Path, answer_all: dict[str, Any]) -> None:
    """It is named for some minutes."""
    async with running(
        FakeChannel(), FakeHandler(broken), config=answer_all, tmp_path=tmp_path
    ) as gw:
        await gw.customer("fake", "carla").say("hello")
        status, state = await readiness(gw)
        assert (status, state["status"]) == (200, "degraded")
        assert "fake_handler" in state["warnings"]["plugins"]


async def test_stuck_messages_are_degraded(tmp_path: Path, answer_all: dict[str, Any]) -> None:
    """Their number is shown."""
    async with running(
        FakeChannel(), FakeHandler(echo), config=answer_all, tmp_path=tmp_path
    ) as gw:
        await gw.customer("fake", "carla").say("hello")
        stuck = text("UPDATE inbox SET state = 'stuck'")
        await gw.gateway.database.write(lambda c: c.execute(stuck).rowcount)

        async def shown() -> str | None:
            status, state = await readiness(gw)
            assert status == 200
            return state["warnings"].get("queues")

        assert "1 message could not be handled" in await until(shown)


async def test_lanes_that_keep_failing_are_degraded(
    tmp_path: Path, answer_all: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing else would show them: their messages wait."""
    monkeypatch.setattr("gateway.runtime.dispatch.retry_delay", lambda _: 0.001)
    async with running(
        FakeChannel(), FakeHandler(echo), config=answer_all, tmp_path=tmp_path
    ) as gw:

        async def fail(*_: object) -> None:
            await asyncio.sleep(0)
            raise OSError("away")

        monkeypatch.setattr(gw.gateway.store.inbox, "take", fail)
        await gw.customer("fake", "carla").write("hello")

        async def shown() -> str | None:
            status, state = await readiness(gw)
            assert status == 200
            return state["warnings"].get("lanes")

        assert "1 conversation fails" in await until(shown)
