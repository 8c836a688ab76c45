"""Retention deletes what is older than the settings allow, and nothing else."""

from __future__ import annotations

import asyncio
import errno
import gzip
import json
import os
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from gateway import Address, Clock, File, NotFound, Reply, Turn
from gateway.adapters.sql.schema import conversations, customers, inbox, messages, metadata, outbox
from gateway.ops.retention import DeletedCounts, _append
from gateway.testing import FakeChannel, FakeClock, FakeHandler, RunningGateway, running
from tests.conftest import until
from tests.spine.conftest import ANSWER_ALL

WORDS = "zanzibar4711"
DAY = 86_400.0


@pytest.fixture
def answer_all(tmp_path: Path) -> dict[str, Any]:
    file = tmp_path / "policy.yaml"
    file.write_text(ANSWER_ALL, "utf-8")
    return {"policy": str(file)}


def echo(turn: Turn) -> Reply | None:
    return Reply(body=("Hello.",)) if turn.kind == "message" else None


async def count(gw: RunningGateway, table: Any) -> int:
    query = select(func.count()).select_from(table)
    return await gw.gateway.database.read(lambda c: c.execute(query).scalar_one())


class JumpingClock(FakeClock):
    """A clock that `jump` sets forward without waking those that sleep."""

    def jump(self, *, days: float) -> None:
        self._now += timedelta(days=days)


@dataclass
class NoPauses:
    """A clock on which nobody waits: retention runs without its pauses."""

    clock: Clock

    def now(self) -> datetime:
        return self.clock.now()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(0)


async def run_retention(gw: RunningGateway, *, after_days: float = 0) -> DeletedCounts:
    """Let days pass, then run retention."""
    assert isinstance(gw.clock, JumpingClock)
    gw.clock.jump(days=after_days)
    return await replace(gw.gateway.retention, clock=NoPauses(gw.clock)).run()


async def test_an_old_conversation_is_archived_and_deleted(
    tmp_path: Path, answer_all: dict[str, Any]
) -> None:
    """From every table; the archive has its messages. A conversation with newer messages stays."""
    keep = {"conversations_days": 30, "archive": "archive"}
    config = answer_all | {"retention": keep}
    plugins = (FakeChannel(), FakeHandler(echo))
    clock = JumpingClock()
    async with running(*plugins, config=config, tmp_path=tmp_path, clock=clock) as gw:
        await gw.customer("fake", "carla").say(WORDS)
        clock.jump(days=20)
        await gw.customer("fake", "dora").say("hi")
        deleted = await run_retention(gw, after_days=15)
        assert deleted.conversations == 1
        assert await count(gw, conversations) == await count(gw, customers) == 1
        assert await count(gw, messages) == 2
        assert (await run_retention(gw)).conversations == 0
        with pytest.raises(NotFound):
            await gw.gateway.store.customers.export(Address(channel="fake", value="carla"))
        [file] = (tmp_path / "archive").iterdir()
        [line] = gzip.decompress(file.read_bytes()).decode().splitlines()
        archived = json.loads(line)
        assert [message["text"] for message in archived["messages"]] == [WORDS, "Hello."]
        assert file.stat().st_mode & 0o077 == 0


async def test_a_conversation_that_waits_for_a_person_stays(tmp_path: Path) -> None:
    """However old it is."""
    config = {"retention": {"conversations_days": 1}}
    plugins = (FakeChannel(), FakeHandler(lambda _: None))
    clock = JumpingClock()
    async with running(*plugins, config=config, tmp_path=tmp_path, clock=clock) as gw:
        await gw.customer("fake", "carla").say("help")
        assert (await run_retention(gw, after_days=400)).conversations == 0


async def test_an_opt_out_outlives_the_conversation(
    tmp_path: Path, answer_all: dict[str, Any]
) -> None:
    """The messages are deleted; that the customer wrote STOP is not."""
    config = answer_all | {"retention": {"conversations_days": 1}}
    plugins = (FakeChannel(), FakeHandler(echo))
    clock = JumpingClock()
    async with running(*plugins, config=config, tmp_path=tmp_path, clock=clock) as gw:
        await gw.customer("fake", "carla").say("STOP", consent="out")
        assert (await run_retention(gw, after_days=10)).conversations == 1
        assert await count(gw, customers) == 1
        assert await count(gw, messages) == 0


async def test_handled_queue_rows_are_deleted(tmp_path: Path, answer_all: dict[str, Any]) -> None:
    """Rows that still wait stay, however old. Each step here deletes one row."""
    config = answer_all | {"retention": {"inbox_days": 7, "outbox_days": 7, "batch": 1}}
    plugins = (FakeChannel(), FakeHandler(echo))
    clock = JumpingClock()
    async with running(*plugins, config=config, tmp_path=tmp_path, clock=clock) as gw:
        for _ in range(3):
            await gw.customer("fake", "carla").say("hi")
        await gw.gateway.incoming.stop(1)  # nothing is handled from now on
        await gw.customer("fake", "carla").write("waits")
        dry = await gw.gateway.retention.run(dry=True)
        assert (dry.inbox, dry.outbox) == (0, 0)
        deleted = await run_retention(gw, after_days=8)
        assert (deleted.inbox, deleted.outbox) == (3, 3)
        assert await count(gw, inbox) == 1
        assert await count(gw, outbox) == 0
        assert await count(gw, messages) == 6


async def test_a_dry_run_changes_nothing(tmp_path: Path, answer_all: dict[str, Any]) -> None:
    """It counts what would be deleted."""
    config = answer_all | {"retention": {"conversations_days": 1, "archive": "archive"}}
    plugins = (FakeChannel(), FakeHandler(echo))
    clock = JumpingClock()
    async with running(*plugins, config=config, tmp_path=tmp_path, clock=clock) as gw:
        await gw.customer("fake", "carla").say("hi")
        clock.jump(days=100)
        found = await gw.gateway.store.retention.find_inactive(
            clock.now() - timedelta(days=1), 0, 10
        )
        assert found[0] == [1]
        before = {table.name: await count(gw, table) for table in metadata.sorted_tables}
        await gw.gateway.store.retention.finished_rows(
            "inbox", clock.now() - timedelta(days=90), 0, 10, delete=False
        )
        assert before == {table.name: await count(gw, table) for table in metadata.sorted_tables}
        assert not (tmp_path / "archive").exists()


async def test_files_without_a_reference_are_deleted(
    tmp_path: Path, answer_all: dict[str, Any]
) -> None:
    """Those that a crash left, whole or half. A file of today stays, because its message may not
    be committed yet. So does one that a message, a handled row or a plugin's storage refers to."""
    config = answer_all | {"retention": {"attachments_days": 30}}
    plugins = (FakeChannel(), FakeHandler(echo))
    clock = JumpingClock()
    async with running(*plugins, config=config, tmp_path=tmp_path, clock=clock) as gw:
        files, storage = gw.services.files, gw.services.storage

        async def store(data: bytes) -> Any:
            return await files.keep(File(name="x", media_type="text/plain", data=data))

        orphan, fresh, attached, raw, stored = [
            await store(data) for data in (b"orphan", b"fresh", b"attached", b"raw", b"stored")
        ]
        await gw.customer("fake", "carla").say("see", attachments=(attached,))
        await gw.customer("fake", "carla").say("mail", raw=raw.digest)
        await storage.put("plugin", "k", json.dumps({"file": stored.digest}))
        folder = tmp_path / "var" / "files"
        half = folder / orphan.digest[:2] / "tmphalf"
        half.write_bytes(b"half")
        long_ago = clock.now().timestamp() - 3 * DAY
        for path in folder.rglob("*"):
            if path.is_file() and path.name != fresh.digest:
                os.utime(path, (long_ago, long_ago))
        assert (await run_retention(gw)).files == 1
        left = {path.name for path in folder.rglob("*") if path.is_file()}
        assert left == {fresh.digest, attached.digest, raw.digest, stored.digest}
        deleted = await run_retention(gw, after_days=31)
        assert deleted.attachments == 1
        assert attached.digest not in {path.name for path in folder.rglob("*") if path.is_file()}


async def test_one_process_runs_retention_each_day(
    tmp_path: Path, answer_all: dict[str, Any]
) -> None:
    """At its hour. The second process finds the day stored and does not run."""
    clock = JumpingClock()
    config = answer_all | {"retention": {"hour": 3}}
    plugins = (FakeChannel(), FakeHandler(echo))
    async with running(*plugins, config=config, tmp_path=tmp_path, clock=clock) as gw:
        job = gw.gateway.retention
        assert job.seconds_to_next_run() == 17 * 3600
        assert await job.claim_today()
        assert not await job.claim_today()
        clock.jump(days=1)
        assert await job.claim_today()


async def test_a_server_runs_retention_by_itself(
    tmp_path: Path, answer_all: dict[str, Any]
) -> None:
    """No command is needed."""
    clock = JumpingClock()
    config = answer_all | {"retention": {"conversations_days": 1}}
    plugins = (FakeChannel(), FakeHandler(echo))
    async with running(*plugins, config=config, tmp_path=tmp_path, clock=clock) as gw:
        await gw.customer("fake", "carla").say("hi")
        clock.jump(days=3)

        async def deleted() -> bool:
            # By the hour: its first look may have come before the message or after the jump.
            await clock.advance(3600)
            return await count(gw, conversations) == 0

        await until(deleted, timeout=30)


def test_a_full_disk_leaves_no_part_in_the_archive(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is appended later could not be read behind it."""
    file, fsync = tmp_path / "conversations-2026-01.jsonl.gz", os.fsync
    _append(file, [{"id": 1}])

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        _append(file, [{"id": 2}])
    monkeypatch.setattr(os, "fsync", fsync)
    _append(file, [{"id": 3}])
    assert gzip.decompress(file.read_bytes()) == b'{"id":1}\n{"id":3}\n'
