"""Whole conversations are read for the report, on both databases."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from gateway import (
    Agent,
    AppliedRule,
    Attachment,
    Button,
    Fact,
    Reason,
    Reply,
    Route,
    SurveyQuestion,
    Turn,
    Understanding,
)
from gateway.adapters.encryption import DataKeys
from gateway.adapters.sql import rows
from gateway.adapters.sql.engine.base import KEYS
from gateway.testing import FakeChannel, FakeClock, FakeHandler, running


def _answer(turn: Turn) -> Reply | None:
    if "person" in turn.message.text:
        return Reply(body=("A person will answer.",), escalate=(Reason(code="asked"),))
    return Reply(body=(f"Re: {turn.message.text}",))


@pytest.fixture
def parts() -> tuple[Any, ...]:
    return FakeChannel(), FakeHandler(_answer)


async def test_a_case_holds_messages_and_handoffs(parts: Any, tmp_path: Path) -> None:
    async with running(*parts, tmp_path=tmp_path, clock=FakeClock()) as gateway:
        zoe, agent = gateway.customer("fake", "zoe"), gateway.desk_agent("ana")
        await zoe.say("a person please", name="Zoe")
        card = await agent.claim()
        await agent.answer(card, "I am here.")
        [case] = await gateway.services.records.cases()
    said = [(m.author, m.text) for m in case.messages if not m.internal]
    assert said[0] == ("customer", "a person please")
    assert said[-1] == ("agent", "I am here.")
    assert case.customer_name == "Zoe"
    assert [handoff.agent.id for handoff in case.handoffs if handoff.agent] == ["desk:ana"]


async def test_cases_are_read_in_pages_and_between_times(parts: Any, tmp_path: Path) -> None:
    clock = FakeClock()
    async with running(*parts, tmp_path=tmp_path, clock=clock) as gateway:
        begin = clock.now()
        for name in ("a", "b", "c"):
            await gateway.customer("fake", name).say("hello")
            await gateway.pass_time(3600)
        records = gateway.services.records
        first = await records.cases(limit=2)
        rest = await records.cases(limit=2, after=first[-1].conversation.id)
        second_hour = await records.cases(
            since=begin + timedelta(hours=1), until=begin + timedelta(hours=2)
        )
        again = await records.cases_by_id([first[1].conversation.id, 99])
    assert [len(first), len(rest)] == [2, 1]
    assert [case.conversation.address.value for case in second_hour] == ["b"]
    assert again == first[1:]


async def test_changed_cases_are_those_with_new_messages(parts: Any, tmp_path: Path) -> None:
    async with running(*parts, tmp_path=tmp_path, clock=FakeClock()) as gateway:
        records = gateway.services.records
        await gateway.customer("fake", "a").say("hello")
        await gateway.customer("fake", "b").say("hello")
        seen = await records.changed_cases(message=0)
        assert len(seen.conversations) == 2
        assert (await records.changed_cases(message=seen.message)).conversations == ()
        await gateway.customer("fake", "b").say("and one more thing")
        changed = await records.changed_cases(message=seen.message)
    assert changed.conversations == seen.conversations[1:]


async def test_changed_cases_that_a_person_has_had(parts: Any, tmp_path: Path) -> None:
    """One that waits for a person counts once it was claimed, also after it was resolved."""
    async with running(*parts, tmp_path=tmp_path, clock=FakeClock()) as gateway:
        records = gateway.services.records
        for name in ("a", "b"):
            await gateway.customer("fake", name).say("a person please")
        before = await records.changed_cases(message=0, claimed=True)
        worker = gateway.desk_agent("ana")
        card = await worker.claim()
        claimed = await records.changed_cases(message=0, claimed=True)
        await worker.resolve(card)
        resolved = await records.changed_cases(message=0, claimed=True)
    assert before.conversations == ()
    assert claimed.conversations == resolved.conversations == (card.conversation.id,)
    assert resolved.message >= claimed.message >= before.message > 0


def test_every_stored_field_of_a_message_is_read_back() -> None:
    """`rows.message` names each field: none may be forgotten."""
    data = rows.MessageData(
        agent=Agent(id="desk:ana", name="Ana"),
        buttons=(Button(title="Yes", payload="yes"),),
        survey=SurveyQuestion(kind="ces"),
        attachments=(Attachment(name="a", media_type="text/plain", size=1, digest="d"),),
        understanding=Understanding(engines=("x",)),
        route=Route(action="clarify"),
        handler="faq",
        applied=(AppliedRule(rule="r", before="a", after="b"),),
        detail="why",
        facts=(Fact(name="f", value="1"),),
        edited=True,
        subject="s",
        copies=("b@example.org",),
    )
    stored = SimpleNamespace(
        id=1, conversation_id=2, author="bot", text="Hi", at=0, turn_id=3, status="sent",
        internal=0, purpose="answer", remote_id="r", lane="fake:a", data=rows.to_json(data),
    )  # fmt: skip
    connection: Any = SimpleNamespace(info={KEYS: DataKeys()})
    row: Any = stored
    found = rows.message(connection, row)
    for field, default in zip(data.__struct_fields__, data.__struct_defaults__, strict=True):
        assert getattr(found, field) == getattr(data, field) != default
