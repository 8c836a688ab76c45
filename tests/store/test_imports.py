"""Imported conversations: read-only, found everywhere, and stored once whatever happens."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from gateway import (
    Address,
    ConversationFilter,
    ImportedConversation,
    ImportedMessage,
    NewImport,
    NotAccepted,
    NotFound,
    PastConversations,
)
from gateway.adapters.encryption import new_key
from gateway.testing import FakeChannel, FakeHandler, RunningGateway, running
from tests.spine.conftest import echo

MONDAY = datetime(2024, 3, 4, 9, 0, tzinfo=UTC)
NEW = NewImport(source="/old/inbox.mbox", format="mbox", label="imported")
ANNA = Address(channel="email", value="anna@mail.example")


def said(key: str, text: str, hours: float = 0.0, author: str = "customer") -> ImportedMessage:
    return ImportedMessage(
        key=key,
        author=author,  # type: ignore[arg-type]  # one of the three
        text=text,
        at=MONDAY + timedelta(hours=hours),
        name="Ben" if author == "agent" else "",
    )


def talk(
    *messages: ImportedMessage, address: Address = ANNA, **more: object
) -> ImportedConversation:
    values = {"name": "Anna", "subject": "Lamp", "language": "en", **more}
    return ImportedConversation(address=address, messages=messages, **values)  # type: ignore[arg-type]


ASKED = said("<1@mail.example>", "Where is my lamp?")
ANSWERED = said("<2@shop.example>", "It left on Friday.", 2, "agent")
THANKED = said("<3@mail.example>", "Thank you!", 3)


@pytest.fixture
async def gw(tmp_path: Path) -> AsyncIterator[RunningGateway]:
    channels = (FakeChannel("email"), FakeHandler(echo))
    async with running(*channels, tmp_path=tmp_path) as found:
        yield found


def past(gw: RunningGateway) -> PastConversations:
    found = gw.services.past_conversations
    assert found is not None
    return found


async def imported(gw: RunningGateway, *batch: ImportedConversation) -> int:
    record = await past(gw).begin_import(NEW)
    await past(gw).add_many(record.id, batch)
    return record.id


async def texts(gw: RunningGateway) -> list[list[str]]:
    cases = await gw.services.records.cases(imported=True)
    return [[message.text for message in case.messages] for case in cases]


async def test_an_imported_conversation_is_like_any_other_and_read_only(
    gw: RunningGateway,
) -> None:
    """It has its times, authors and label, is resolved, and nobody can answer it."""
    id = await imported(gw, talk(ASKED, ANSWERED, THANKED, labels=("vip",), score=5))
    [case] = await gw.services.records.cases(imported=True)
    here = case.conversation
    assert (here.imported, here.state, here.address) == (id, "resolved", ANNA)
    assert (here.opened_at, here.resolved_at) == (ASKED.at, THANKED.at)
    assert (here.language, here.subject, here.labels) == ("en", "Lamp", ("imported", "vip"))
    assert [message.author for message in case.messages] == ["customer", "agent", "customer"]
    assert case.messages[1].agent is not None
    assert case.messages[1].agent.name == "Ben"
    assert case.surveys[0].answer is not None
    assert case.surveys[0].answer.score == 5
    agent = gw.desk_agent("ben").agent
    with pytest.raises(NotAccepted, match="imported"):
        await gw.services.desk.answer(here.id, agent, "Hello again", key="k")
    with pytest.raises(NotAccepted, match="imported"):
        await gw.services.desk.note(here.id, agent, "Hm")


async def test_live_measures_do_not_see_them(gw: RunningGateway) -> None:
    """Without being asked for, they are in no case, change or past answer."""
    await imported(gw, talk(ASKED, ANSWERED))
    await gw.customer("email", "ben@mail.example").say("Hello?")
    records = gw.services.records
    [live] = await records.cases()
    assert live.conversation.imported is None
    changed = await records.changed_cases(message=0)
    assert changed.conversations == (live.conversation.id,)
    assert await records.answered(since=MONDAY) == ()
    assert len(await records.cases(imported=None)) == 2


async def test_a_known_customer_gets_them_as_history(gw: RunningGateway) -> None:
    """They belong to the customer with that address, and his next message begins anew."""
    anna = gw.customer("email", ANNA.value)
    await anna.say("Hello?", subject="Hi")
    await imported(gw, talk(ASKED, ANSWERED))
    await anna.say("And?", subject="Re: Lamp", thread=(ANSWERED.key,))
    live, later = await gw.services.records.cases()
    card = await gw.services.desk.card(live.conversation.id)
    assert [p.imported for p in card.earlier] == [False, True]
    assert later.conversation.id != live.conversation.id
    assert await texts(gw) == [[ASKED.text, ANSWERED.text]]


async def test_the_same_messages_are_stored_once(gw: RunningGateway) -> None:
    """Again, in another import, within one batch, and when our own channel has them."""
    anna = gw.customer("email", ANNA.value)
    await anna.say("Live", subject="Live", remote_id="<live@mail.example>")
    await imported(gw, talk(ASKED, ASKED), talk(ASKED, ANSWERED))
    await past(gw).finish_import(1, {"spam": 2})
    second = await past(gw).begin_import(NEW)
    added = await past(gw).add_many(
        second.id, [talk(ASKED, ANSWERED, said("<live@mail.example>", "Live"))]
    )
    assert (second.id, added.messages, added.known) == (2, 0, 3)
    told = [text for talk in await texts(gw) for text in talk]
    assert sorted(told) == sorted([ASKED.text, ANSWERED.text])
    known = await past(gw).known_keys("email", ["<1@mail.example>", "<live@mail.example>", "no"])
    assert known == {"<1@mail.example>", "<live@mail.example>"}


@pytest.mark.parametrize("first", [(ANSWERED,), (ASKED,), (THANKED,), (ASKED, THANKED)])
async def test_a_later_import_completes_a_conversation(
    gw: RunningGateway, first: tuple[ImportedMessage, ...]
) -> None:
    """Whichever folder comes first, the messages end in the order of time."""
    await imported(gw, talk(*first))
    every = (ASKED, ANSWERED, THANKED)
    rest = tuple(message for message in every if message not in first)
    await imported(gw, talk(*rest, related=(first[0].key,)))
    assert await texts(gw) == [[message.text for message in every]]
    [case] = await gw.services.records.cases(imported=True)
    assert (case.conversation.opened_at, case.conversation.resolved_at) == (ASKED.at, THANKED.at)


async def test_lists_and_search_find_them(gw: RunningGateway) -> None:
    """By their words and their label; the address is the customer's own."""
    await imported(gw, talk(ASKED, ANSWERED))
    await gw.gateway.indexer.catch_up()
    assert gw.services.search is not None
    found = await gw.services.search.find("lamp")
    assert [hit.address for hit in found.hits] == ["email:anna@mail.example"]
    chosen = ConversationFilter(list="resolved", label="imported")
    listed = await gw.services.desk.conversations(chosen)
    assert [item.conversation.imported for item in listed.items] == [1]


async def test_export_and_erasure_reach_them(gw: RunningGateway) -> None:
    """Nothing of an erased customer is left, and of nobody else anything is lost."""
    ben = Address(channel="email", value="ben@mail.example")
    other = said("<9@mail.example>", "My table")
    await imported(gw, talk(ASKED, ANSWERED), talk(other, address=ben, name="Benno"))
    exported = str(await gw.gateway.customer_data.export(ANNA))
    assert ASKED.text in exported
    assert other.text not in exported
    await gw.gateway.customer_data.erase(ANNA)
    assert await texts(gw) == [[other.text]]
    with pytest.raises(NotFound):
        await gw.gateway.customer_data.export(ANNA)


async def test_an_import_can_be_removed(gw: RunningGateway) -> None:
    """With its customers; who has written here stays, and so does another import."""
    anna = gw.customer("email", ANNA.value)
    await anna.say("Hello?", subject="Hi")
    ben = Address(channel="email", value="ben@mail.example")
    id = await imported(gw, talk(ASKED), talk(said("<9@x>", "Table"), address=ben))
    await past(gw).finish_import(id, {})
    other = await imported(gw, talk(said("<8@x>", "Chair"), address=ben))
    while await past(gw).remove_import(id):
        pass
    assert await texts(gw) == [["Chair"]]
    assert [one.id for one in await past(gw).imports()] == [other]
    assert len(await gw.services.records.cases()) == 1
    with pytest.raises(NotFound, match="history list"):
        await past(gw).remove_import(id)


async def test_an_unfinished_import_goes_on_and_forgets_its_secret(gw: RunningGateway) -> None:
    """The same source is the same import until it is complete."""
    first = await past(gw).begin_import(NEW)
    again = await past(gw).begin_import(NEW)
    assert (again.id, again.secret) == (first.id, first.secret)
    assert len(first.secret) == 64
    done = await past(gw).finish_import(first.id, {"automatic": 3})
    assert (done.secret, dict(done.skipped)) == ("", {"automatic": 3})
    assert (await past(gw).begin_import(NEW)).id != first.id


@pytest.mark.sqlite
async def test_words_are_encrypted(tmp_path: Path) -> None:
    """With a data key, no word of an import is readable on disk."""
    canary = "platypus in the boiler"
    environ = {"WARMLINE_DATA_KEY": new_key()}
    async with running(FakeHandler(echo), tmp_path=tmp_path, environ=environ) as gw:
        await imported(gw, talk(said("<1@x>", canary), name=canary, subject=canary))
        assert await texts(gw) == [[canary]]
        data = tmp_path / "var"
        disk = b"".join(p.read_bytes() for p in data.rglob("*") if p.is_file())
        assert canary.encode() not in disk
