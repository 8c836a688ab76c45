"""The team's sources: erasure and retention of what rests on them, and several writers."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path

import asyncpg
import pytest
from sqlalchemy import func, select

from gateway import Address, NewDocument, NewPassage, NewSource
from gateway.adapters.sql import rows
from gateway.adapters.sql.engine import dialect
from gateway.adapters.sql.engine.opening import migrate, open_database
from gateway.adapters.sql.knowledge.documents import record_uses
from gateway.adapters.sql.knowledge.store import SqlKnowledge
from gateway.adapters.sql.schema import knowledge_uses
from gateway.settings import PostgresSettings
from gateway.testing import FakeChannel, FakeClock, FakeHandler, RunningGateway, running
from tests.conftest import until
from tests.spine.conftest import echo


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


def page(name: str, text: str = "Parcels arrive within two days.") -> NewDocument:
    return NewDocument(
        location=f"https://help.example.org/{name}",
        title="Delivery",
        language="en",
        digest=text,
        passages=(NewPassage(text=text),),
    )


async def answered_from_a_source(gw: RunningGateway) -> int:
    """A conversation of ana with an answer that rests on a passage; return its document."""
    knowledge = gw.services.knowledge
    assert knowledge
    source = await knowledge.add_source(NewSource(location="https://help.example.org/"))
    stored = await knowledge.put_document(source.id, page("a"))
    [passage] = await knowledge.passages_of(stored.id)
    await knowledge.put_vectors("m", {passage.id: bytes(range(256))})
    await gw.customer("fake", "ana").say("hello")
    at = rows.to_ms(gw.clock.now())
    await gw.gateway.store.database.write(lambda c: record_uses(c, 1, 1, [passage.id], at))
    return stored.id


async def test_erasing_a_customer_erases_what_rested_on_sources(tmp_path: Path) -> None:
    """Their export shows it, and nothing is left of it after the erasure; the source stays."""
    async with running(FakeChannel(), FakeHandler(echo), tmp_path=tmp_path) as gw:
        document = await answered_from_a_source(gw)
        assert gw.services.knowledge
        ana = Address(channel="fake", value="ana")
        [use] = (await gw.gateway.store.customers.export(ana))["knowledge_uses"]
        assert use["document_id"] == document
        await gw.gateway.store.customers.erase(ana)
        assert await gw.services.knowledge.uses(document) == ()
        assert await gw.services.knowledge.passages_of(document)


async def test_retention_deletes_what_rested_on_sources(tmp_path: Path) -> None:
    """With the conversation."""
    async with running(FakeChannel(), FakeHandler(echo), tmp_path=tmp_path) as gw:
        document = await answered_from_a_source(gw)
        assert gw.services.knowledge
        later = gw.clock.now() + timedelta(days=1)
        assert await gw.gateway.store.retention.delete_conversations([1], later) == 1
        assert await gw.services.knowledge.uses(document) == ()


async def test_an_answer_may_rest_on_what_was_removed_meanwhile(tmp_path: Path) -> None:
    """Its turn is committed, without a note of it."""
    async with running(FakeChannel(), FakeHandler(echo), tmp_path=tmp_path) as gw:
        await gw.customer("fake", "ana").say("hello")
        database = gw.gateway.store.database
        await database.write(lambda c: record_uses(c, 1, 1, [1, 2], 1))
        count = select(func.count()).select_from(knowledge_uses)
        assert await database.read(lambda c: c.execute(count).scalar()) == 0


async def test_changes_get_their_ids_in_the_order_of_commits(
    postgres_url: str, clock: FakeClock
) -> None:
    """A writer waits while another process has added a change and has not committed it: else a
    reader that saw the later id first would skip the earlier one."""
    database = open_database(postgres_url, PostgresSettings())
    await migrate(database)
    knowledge = SqlKnowledge(database, clock)
    source = await knowledge.add_source(NewSource(location="https://help.example.org/"))
    other = await asyncpg.connect(postgres_url)
    transaction = other.transaction()
    await transaction.start()
    held = "SELECT pg_advisory_xact_lock($1, $2)"
    await other.execute(held, dialect.KNOWLEDGE_LOCK, dialect._number("changes"))
    writing = asyncio.create_task(knowledge.put_document(source.id, page("a")))
    waits = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
    await until(lambda: other.fetchval(waits))
    assert not writing.done()
    await transaction.rollback()
    await writing
    assert len(await knowledge.changes()) == 1
    await other.close()
    await database.stop()
