"""The daily re-check."""

from __future__ import annotations

import asyncio
from pathlib import Path

import msgspec
import pytest

from gateway import Services
from gateway.adapters.standalone import LocalEvents
from plugins.knowledge.settings import KnowledgeSettings, ListedSource
from plugins.knowledge.sources import recheck
from plugins.knowledge.sources.recheck import SourceRecheck
from plugins.knowledge.sources.requests import ReadRequests
from tests.conftest import until
from tests.knowledge.sources.conftest import NoProcess, Reading


@pytest.fixture
def listed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SourceRecheck:
    """A configuration that lists a folder by a path of its own."""
    monkeypatch.setattr(recheck, "ReadingProcess", NoProcess)
    folder = tmp_path / "docs"
    folder.mkdir()
    (folder / "a.md").write_text("# A\n\nReturns are free for 30 days.")
    source = ListedSource(location="docs", title="Docs", owner="Ana", language="en")
    return SourceRecheck(settings=KnowledgeSettings(sources=(source,)), folder=tmp_path)


async def test_listed_sources_are_added_and_read_once_a_day(
    services: Services, reading: Reading, listed: SourceRecheck, tmp_path: Path
) -> None:
    """A source is read again when a day is over, and a change is there after one re-check."""
    await listed.read_due(services)
    await listed.read_due(services)
    (source,) = await reading.store.sources()
    assert (source.title, source.owner, source.location) == ("Docs", "Ana", str(tmp_path / "docs"))
    (tmp_path / "docs" / "a.md").write_text("# A\n\nReturns are free for 14 days.")
    await reading.clock.advance(23 * 3600)
    await listed.read_due(services)
    assert await reading.differences() == []
    await reading.clock.advance(3600)
    await listed.read_due(services)
    assert await reading.differences() == [("changed", ("time: 30 days → 14 days",))]


async def test_what_cannot_be_read_is_tried_again_an_hour_later(
    services: Services, reading: Reading, listed: SourceRecheck, tmp_path: Path
) -> None:
    """A folder that is away costs nothing in between, and no other source waits for it."""
    await listed.read_due(services)
    away = (tmp_path / "docs").rename(tmp_path / "away")
    await reading.clock.advance(25 * 3600)
    await listed.read_due(services)
    away.rename(tmp_path / "docs")
    before = (await reading.store.sources())[0].checked_at
    await listed.read_due(services)
    assert (await reading.store.sources())[0].checked_at == before
    await reading.clock.advance(3600)
    await listed.read_due(services)
    assert (await reading.store.sources())[0].checked_at == reading.clock.now()


async def test_somebody_asks_for_a_reading_now(
    services: Services, reading: Reading, listed: SourceRecheck
) -> None:
    """It begins at once, before the first look."""
    services = msgspec.structs.replace(services, events=LocalEvents())
    watching = asyncio.create_task(listed.watch(services))
    await asyncio.sleep(0)
    source = await reading.add(str(listed.folder / "docs" if listed.folder else ""))

    async def was_read() -> bool:
        (stored,) = await reading.store.sources()
        return stored.checked_at is not None

    await ReadRequests(services).ask(source.id)
    await until(was_read)
    watching.cancel()
    with pytest.raises(asyncio.CancelledError):
        await watching
