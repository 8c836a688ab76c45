"""Conversations of another database become ours: under new ids, encrypted, and erasable."""

from __future__ import annotations

import asyncio
import shutil
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest
from sqlalchemy import Table, create_engine, func, insert, select

from gateway import Address, ConversationFilter, PastConversations, WarmlineError
from gateway.adapters.encryption import MARK, new_key
from gateway.adapters.sql.schema import (
    data_keys,
    handoffs,
    hooks,
    inbox,
    messages,
    outbox,
    promises,
    timers,
)
from gateway.cli.common import load_settings
from gateway.testing import FakeChannel, FakeHandler, RunningGateway, running
from gateway.testing.simulation import Scenario, simulate
from tests.spine.conftest import echo

SCENARIO = Scenario(
    seed=5,
    days=2,
    per_day=8,
    perception="truth",
    channels={"webchat": 0.5, "email": 0.5},
    labels={"complaint": "till", "cancellation": "till", "missing_parcel": "courier"},
    open_at_end=4,
)


@pytest.fixture(scope="module")
def month(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The database of two simulated days."""
    folder = tmp_path_factory.mktemp("month")
    asyncio.run(simulate(load_settings(None), SCENARIO, folder))
    return folder / "data" / "warmline.db"


def gateway_in(folder: Path, **environ: str) -> AbstractAsyncContextManager[RunningGateway]:
    policy = folder / "policy.yaml"
    policy.write_text("reasons: {low_confidence: {enabled: false}}", "utf-8")
    modules = (FakeChannel(), FakeHandler(echo))
    tree = {"policy": str(policy)}
    return running(*modules, config=tree, tmp_path=folder, environ=environ or None)


def past(gw: RunningGateway) -> PastConversations:
    found = gw.services.past_conversations
    assert found is not None
    return found


async def count(gw: RunningGateway, table: Table, *states: str) -> int:
    query = select(func.count()).select_from(table)
    if states:
        query = query.where(table.c.state.in_(states))
    return int(await gw.gateway.database.read(lambda c: c.execute(query).scalar() or 0))


async def test_they_join_those_that_are_here(month: Path, tmp_path: Path) -> None:
    """Under ids of their own: what was said here stays, and what is said later is found, too."""
    async with gateway_in(tmp_path) as gw:
        ana, ben = gw.customer("fake", "ana"), gw.customer("fake", "ben")
        await ana.say("hello")
        number = await past(gw).add(month, label="simulated")
        await ben.say("good day")
        cases = await gw.services.records.cases(limit=500)
        assert len(cases) == number + 2 > 10
        assert cases[0].messages[0].text == "hello"
        assert cases[-1].messages[0].text == "good day"
        ids = [message.id for case in cases for message in case.messages]
        assert len(set(ids)) == len(ids)
        for case in cases[1:-1]:
            assert "simulated" in case.conversation.labels
            assert all(m.conversation == case.conversation.id for m in case.messages)
        assert len(ana.heard) == 1


async def test_lists_have_something_of_each_kind(month: Path, tmp_path: Path) -> None:
    """Waiting, with people, snoozed, resolved, labelled, promised."""
    async with gateway_in(tmp_path) as gw:
        await past(gw).add(month, label="simulated")
        found = [case.conversation for case in await gw.services.records.cases(limit=500)]
        assert {one.state for one in found} == {"bot", "waiting", "person", "resolved"}
        assert any(one.snoozed_until for one in found)
        assert any("till" in one.labels or "courier" in one.labels for one in found)
        page = await gw.services.desk.conversations(ConversationFilter(list="waiting"))
        assert len(page.items) == sum(one.state == "waiting" for one in found)
        assert await count(gw, promises) > 0


async def test_nothing_leaves_because_of_them(month: Path, tmp_path: Path) -> None:
    """There is nothing to send, to wait for, to tell others or to handle."""
    async with gateway_in(tmp_path) as gw:
        await past(gw).add(month, label="simulated")
        assert [await count(gw, table) for table in (outbox, timers, hooks)] == [0, 0, 0]
        assert await count(gw, inbox) == await count(gw, inbox, "handled") > 0
        pending = select(func.count()).where(messages.c.status.in_(("queued", "unsure")))
        assert await gw.gateway.database.read(lambda c: c.execute(pending).scalar()) == 0


async def test_a_customer_of_them_is_exported_and_erased(month: Path, tmp_path: Path) -> None:
    """As any other."""
    async with gateway_in(tmp_path) as gw:
        await past(gw).add(month, label="simulated")
        case = (await gw.services.records.cases(limit=1))[0]
        address: Address = case.conversation.address
        exported = await gw.gateway.customer_data.export(address)
        assert exported["messages"]
        await gw.gateway.customer_data.erase(address)
        assert await gw.services.records.cases_by_id([case.conversation.id]) == ()


async def test_they_are_encrypted_where_all_is(month: Path, tmp_path: Path) -> None:
    """And read again: each text is bound to its new place."""
    async with gateway_in(tmp_path, WARMLINE_DATA_KEY=new_key()) as gw:
        await gw.customer("fake", "ana").say("hello")  # so that the ids change
        await past(gw).add(month, label="simulated")
        stored = select(messages.c.text).union_all(select(handoffs.c.reasons))
        texts = (await gw.gateway.database.read(lambda c: c.execute(stored).scalars().all()))[1:]
        assert all(text.startswith(MARK) for text in texts)
        cases = await gw.services.records.cases(limit=500)
        assert not any(MARK in m.text for case in cases for m in case.messages)
        reasons = {r.code for case in cases for h in case.handoffs for r in h.reasons}
        assert reasons
        assert "unreadable" not in reasons


@pytest.mark.sqlite
async def test_an_encrypted_file_is_refused(month: Path, tmp_path: Path) -> None:
    """Its key is not ours."""
    copy = tmp_path / "encrypted.db"
    shutil.copy(month, copy)
    engine = create_engine(f"sqlite:///{copy}")
    with engine.begin() as connection:
        connection.execute(insert(data_keys), {"name": "other", "since": 0})
    engine.dispose()
    async with gateway_in(tmp_path) as gw:
        with pytest.raises(WarmlineError, match="encrypted"):
            await past(gw).add(copy, label="simulated")
        assert not await past(gw).has_customers()


async def test_what_was_added_is_not_added_again(month: Path, tmp_path: Path) -> None:
    """The addresses are taken: nothing of it is stored twice."""
    async with gateway_in(tmp_path) as gw:
        number = await past(gw).add(month, label="simulated")
        with pytest.raises(WarmlineError, match="has written here"):
            await past(gw).add(month, label="simulated")
        assert len(await gw.services.records.cases(limit=500)) == number
        assert await past(gw).has_customers()
