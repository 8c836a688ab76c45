"""What is older than it may be goes, and nothing else does."""

from __future__ import annotations

import gzip
import json
import os
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from gateway import Address, File, NotFound, Reply, Turn
from gateway.adapters.sql.schema import conversations, customers, inbox, messages, metadata, outbox
from gateway.ops.retention import DeletedCounts
from gateway.testing import FakeChannel, FakeClock, FakeHandler, RunningGateway, running
from tests.conftest import until
from tests.spine.conftest import ANSWER_ALL

WORDS = "zanzibar4711"
DAY = 86_400.0


@pytest.fixture
def easy(tmp_path: Path) -> dict[str, Any]:
    file = tmp_path / "policy.yaml"
    file.write_text(ANSWER_ALL, "utf-8")
    return {"policy": str(file)}


def echo(turn: Turn) -> Reply | None:
    return Reply(body=("Hello.",)) if turn.kind == "message" else None


async def count(gw: RunningGateway, table: Any) -> int:
    query = select(func.count()).select_from(table)
    return await gw.gateway.database.read(lambda c: c.execute(query).scalar_one())


async def passed(gw: RunningGateway, days: float) -> DeletedCounts:
    """Let days pass, and run it."""
    assert isinstance(gw.clock, FakeClock)
    gw.clock._now += timedelta(days=days)  # no alarm shall ring on the way
    running_it = gw.gateway.retention
    running_it._clock = gw.gateway.services.clock

    async def at_once(_: float) -> None:
        return None

    gw.clock.sleep = at_once  # type: ignore[method-assign]  # its pauses are no time to wait for
    try:
        return await running_it.run()
    finally:
        del gw.clock.sleep


async def test_a_silent_conversation_goes_whole_and_is_archived(
    tmp_path: Path, easy: dict[str, Any]
) -> None:
    """Every table; the archive holds what was said. One in which somebody spoke since stays."""
    keep = {"conversations_days": 30, "archive": "archive"}
    config = easy | {"retention": keep}
    guests = (FakeChannel(), FakeHandler(echo))
    clock = FakeClock()
    async with running(*guests, config=config, tmp_path=tmp_path, clock=clock) as gw:
        await gw.customer("fake", "carla").say(WORDS)
        clock._now += timedelta(days=20)
        await gw.customer("fake", "dora").say("hi")
        gone = await passed(gw, 15)
        assert gone.conversations == 1
        assert await count(gw, conversations) == await count(gw, customers) == 1
        assert await count(gw, messages) == 2
        assert (await passed(gw, 0)).conversations == 0
        with pytest.raises(NotFound):
            await gw.gateway.store.customers.export(Address(channel="fake", value="carla"))
        [file] = (tmp_path / "archive").iterdir()
        [line] = gzip.decompress(file.read_bytes()).decode().splitlines()
        kept = json.loads(line)
        assert [one["text"] for one in kept["messages"]] == [WORDS, "Hello."]
        assert file.stat().st_mode & 0o077 == 0


async def test_what_a_person_has_open_stays(tmp_path: Path) -> None:
    """However long nobody said anything."""
    config = {"retention": {"conversations_days": 1}}
    guests = (FakeChannel(), FakeHandler(lambda _: None))
    clock = FakeClock()
    async with running(*guests, config=config, tmp_path=tmp_path, clock=clock) as gw:
        await gw.customer("fake", "carla").say("help")
        assert (await passed(gw, 400)).conversations == 0


async def test_who_wants_no_messages_is_remembered(tmp_path: Path, easy: dict[str, Any]) -> None:
    """The words go; that they said STOP does not."""
    config = easy | {"retention": {"conversations_days": 1}}
    guests = (FakeChannel(), FakeHandler(echo))
    clock = FakeClock()
    async with running(*guests, config=config, tmp_path=tmp_path, clock=clock) as gw:
        await gw.customer("fake", "carla").say("STOP", consent="out")
        assert (await passed(gw, 10)).conversations == 1
        assert await count(gw, customers) == 1
        assert await count(gw, messages) == 0


async def test_rows_that_have_done_their_work_go(tmp_path: Path, easy: dict[str, Any]) -> None:
    """Handled, sent; in steps of one row each. Those that wait stay, however old."""
    config = easy | {"retention": {"inbox_days": 7, "outbox_days": 7, "batch": 1}}
    guests = (FakeChannel(), FakeHandler(echo))
    clock = FakeClock()
    async with running(*guests, config=config, tmp_path=tmp_path, clock=clock) as gw:
        for _ in range(3):
            await gw.customer("fake", "carla").say("hi")
        gw.gateway.incoming._stopping = True
        await gw.customer("fake", "carla").write("waits")
        dry = await gw.gateway.retention.run(dry=True)
        assert (dry.inbox, dry.outbox) == (0, 0)
        gone = await passed(gw, 8)
        assert (gone.inbox, gone.outbox) == (3, 3)
        assert await count(gw, inbox) == 1
        assert await count(gw, outbox) == 0
        assert await count(gw, messages) == 6
        gw.gateway.incoming._stopping = False


async def test_a_dry_run_changes_nothing(tmp_path: Path, easy: dict[str, Any]) -> None:
    """It counts what would go."""
    config = easy | {"retention": {"conversations_days": 1, "archive": "archive"}}
    guests = (FakeChannel(), FakeHandler(echo))
    clock = FakeClock()
    async with running(*guests, config=config, tmp_path=tmp_path, clock=clock) as gw:
        await gw.customer("fake", "carla").say("hi")
        clock._now += timedelta(days=100)
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


async def test_a_file_that_nothing_names_goes(tmp_path: Path, easy: dict[str, Any]) -> None:
    """A crash left it, or half of it. One of today stays: its message may be on its way; one
    that a message, a handled row or a guest's note names stays too."""
    config = easy | {"retention": {"attachments_days": 30}}
    guests = (FakeChannel(), FakeHandler(echo))
    clock = FakeClock()
    async with running(*guests, config=config, tmp_path=tmp_path, clock=clock) as gw:
        files, note = gw.services.files, gw.services.storage

        async def kept(data: bytes) -> Any:
            return await files.keep(File(name="x", media_type="text/plain", data=data))

        orphan, fresh, said, raw, noted = [
            await kept(data) for data in (b"orphan", b"fresh", b"said", b"raw", b"noted")
        ]
        await gw.customer("fake", "carla").say("see", attachments=(said,))
        await gw.customer("fake", "carla").say("mail", raw=raw.digest)
        await note.put("guest", "k", json.dumps({"file": noted.digest}))
        folder = tmp_path / "var" / "files"
        half = folder / orphan.digest[:2] / "tmphalf"
        half.write_bytes(b"half")
        long_ago = clock.now().timestamp() - 3 * DAY
        for path in folder.rglob("*"):
            if path.is_file() and path.name != fresh.digest:
                os.utime(path, (long_ago, long_ago))
        assert (await passed(gw, 0)).files == 1
        left = {path.name for path in folder.rglob("*") if path.is_file()}
        assert left == {fresh.digest, said.digest, raw.digest, noted.digest}
        gone = await passed(gw, 31)
        assert gone.attachments == 1
        assert said.digest not in {path.name for path in folder.rglob("*") if path.is_file()}


async def test_it_is_done_once_a_day_by_one_process(tmp_path: Path, easy: dict[str, Any]) -> None:
    """At its hour; the second one to ask finds it done."""
    clock = FakeClock()
    config = easy | {"retention": {"hour": 3}}
    guests = (FakeChannel(), FakeHandler(echo))
    async with running(*guests, config=config, tmp_path=tmp_path, clock=clock) as gw:
        mine = gw.gateway.retention
        assert mine._until_next() == 17 * 3600
        assert await mine._mine_today()
        assert not await mine._mine_today()
        clock._now += timedelta(days=1)
        assert await mine._mine_today()


async def test_it_runs_by_itself(tmp_path: Path, easy: dict[str, Any]) -> None:
    """The server does it without being told."""
    clock = FakeClock()
    config = easy | {"retention": {"conversations_days": 1}}
    guests = (FakeChannel(), FakeHandler(echo))
    async with running(*guests, config=config, tmp_path=tmp_path, clock=clock) as gw:
        await gw.customer("fake", "carla").say("hi")
        clock._now += timedelta(days=3)

        async def gone() -> bool:
            await clock.advance(1)
            return await count(gw, conversations) == 0

        await until(gone, timeout=30)
