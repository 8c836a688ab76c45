"""Plugin storage: survives a restart, changes by compare-and-set, is erased with the customer."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from gateway import Address, NotFound, Outdated, PluginStorage, StoredValue
from gateway.adapters.sql.engine.opening import migrate
from gateway.adapters.sql.engine.sqlite import SqliteDatabase
from gateway.adapters.sql.storage import SqlPluginStorage
from gateway.testing import FakeChannel, FakeClock, FakeHandler, MemoryStorage, running


@asynccontextmanager
async def storage(kind: str, folder: Path) -> AsyncIterator[PluginStorage]:
    if kind == "memory":
        yield MemoryStorage()
        return
    database = SqliteDatabase(folder / "t.db")
    await migrate(database)
    yield SqlPluginStorage(database, FakeClock())
    await database.stop()


def files(folder: Path) -> list[Path]:
    """The database and its logs."""
    return list(folder.rglob("*.db*"))


KINDS = pytest.mark.parametrize("kind", ["sql", "memory"])


@KINDS
async def test_a_change_needs_the_current_version(tmp_path: Path, kind: str) -> None:
    """So do a first write and a removal."""
    async with storage(kind, tmp_path) as notes:
        first = await notes.put("a", "k", "one")
        assert first == StoredValue(key="k", value="one", version=1)
        for seen in (0, 2):
            with pytest.raises(Outdated):
                await notes.put("a", "k", "other", version=seen)
        with pytest.raises(Outdated):
            await notes.drop("a", "k", version=2)
        second = await notes.put("a", "k", "two", version=1)
        assert await notes.get("a", "k") == second == StoredValue(key="k", value="two", version=2)
        await notes.drop("a", "k", version=2)
        await notes.drop("a", "k", version=2)
        assert await notes.get("a", "k") is None
        with pytest.raises(Outdated):
            await notes.put("a", "k", "late", version=2)


@KINDS
async def test_many_values_are_stored_at_once_whatever_is_there(tmp_path: Path, kind: str) -> None:
    """Their versions go on, and they can be counted by how their keys begin."""
    async with storage(kind, tmp_path) as notes:
        await notes.put("a", "day/1/x", "old")
        new = [StoredValue(key=k, value=k, version=0) for k in ("day/1/x", "day/1/y", "day/2/x")]
        assert await notes.put_many("a", new) == 3
        assert await notes.put_many("a", []) == 0
        found = await notes.scan("a", "day/", limit=1000)
        assert [(v.key, v.value, v.version) for v in found] == [
            ("day/1/x", "day/1/x", 2),
            ("day/1/y", "day/1/y", 1),
            ("day/2/x", "day/2/x", 1),
        ]
        assert await notes.count("a", "day/", length=5) == {"day/1": 2, "day/2": 1}
        assert await notes.count("b", "day/", length=5) == {}
        await notes.clear("a", "day/1/")
        assert await notes.count("a", "day/", length=5) == {"day/2": 1}


async def test_values_of_erased_conversations_are_left_out(tmp_path: Path) -> None:
    """Whoever derives values reads first and stores later; meanwhile a customer may be erased."""
    async with storage("sql", tmp_path) as notes:
        values = [
            StoredValue(key="a", value="1", version=0, conversation=7),
            StoredValue(key="b", value="2", version=0),
        ]
        assert await notes.put_many("plugin", values) == 1
        assert [value.key for value in await notes.scan("plugin", "")] == ["b"]


@KINDS
async def test_of_many_concurrent_writes_one_wins(tmp_path: Path, kind: str) -> None:
    """The others raise Outdated."""
    async with storage(kind, tmp_path) as notes:
        writes = [notes.put("a", "k", str(i)) for i in range(20)]
        outcomes = await asyncio.gather(*writes, return_exceptions=True)
        won = [entry for entry in outcomes if isinstance(entry, StoredValue)]
        assert len(won) == 1
        assert sum(isinstance(one, Outdated) for one in outcomes) == 19
        assert await notes.get("a", "k") == won[0]


@KINDS
async def test_entries_are_scanned_by_prefix(tmp_path: Path, kind: str) -> None:
    """In the order of keys, page by page, and only the plugin's own."""
    async with storage(kind, tmp_path) as notes:
        for key in ("card/3", "card/1", "card", "carb/9", "card/2", "card/ü%_"):
            await notes.put("a", key, key)
        await notes.put("b", "card/7", "theirs")
        found = await notes.scan("a", "card/")
        assert [e.key for e in found] == ["card/1", "card/2", "card/3", "card/ü%_"]
        page = await notes.scan("a", "card/", after="card/1", limit=2)
        assert [e.key for e in page] == ["card/2", "card/3"]
        assert [e.key for e in await notes.scan("b", "")] == ["card/7"]


async def test_values_survive_a_restart_and_are_erased_with_the_customer(tmp_path: Path) -> None:
    """A value is exported and erased with its conversation. Nothing can be written for an erased
    one."""
    carla = Address(channel="fake", value="carla")
    fakes = (FakeChannel(), FakeHandler(lambda _: None))
    async with running(*fakes, tmp_path=tmp_path) as gw:
        await gw.customer("fake", "carla").say("hello")
        [item] = await gw.services.desk.queue()
        id = item.conversation.id
        await gw.services.storage.put("a", "hers", "quagga4711", conversation=id)
        await gw.services.storage.put("a", "ours", "kept")
    async with running(*fakes, tmp_path=tmp_path) as gw:
        assert [e.key for e in await gw.services.storage.scan("a", "")] == ["hers", "ours"]
        held = await gw.gateway.store.customers.export(carla)
        assert isinstance(held, dict)
        assert [row["value"] for row in held["notes_of_guests"]] == ["quagga4711"]
        await gw.gateway.store.customers.erase(carla)
        assert [e.key for e in await gw.services.storage.scan("a", "")] == ["ours"]
        with pytest.raises(NotFound):
            await gw.services.storage.put("a", "hers", "again", conversation=id)
    assert not [file.name for file in files(tmp_path) if b"quagga4711" in file.read_bytes()]
