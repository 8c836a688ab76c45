"""What every store of sources does. Each implementation is one value of the fixture ``store``."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest
from sqlalchemy import Connection, insert, select, update

from gateway import (
    Agent,
    DecidedDraft,
    KnowledgeStore,
    NewDocument,
    NewPassage,
    NewSource,
    NotFound,
    Passage,
    SourceUse,
    WarmlineError,
)
from gateway.adapters.sql.engine.opening import migrate, open_database
from gateway.adapters.sql.knowledge import reading
from gateway.adapters.sql.knowledge.documents import record_uses
from gateway.adapters.sql.knowledge.store import SqlKnowledge
from gateway.adapters.sql.rows import to_json, to_ms
from gateway.adapters.sql.schema import conversations, customers, messages, suggestions
from gateway.settings import PostgresSettings
from gateway.testing import FakeClock, MemoryKnowledge

SITE = NewSource(location="https://help.example.org/", title="Help", brand="north", owner="Ana")

CONVERSATION = {
    "customer_id": 1,
    "channel": "fake",
    "address": "ana",
    "lane": "fake:ana",
    "state": "bot",
    "opened_at": 1,
}


def page(text: str, *, digest: str, location: str = "https://help.example.org/a") -> NewDocument:
    return NewDocument(
        location=location,
        title="Delivery",
        language="en",
        digest=digest,
        passages=(
            NewPassage(headings=("Delivery", "Price"), text=text, anchor="price"),
            NewPassage(text="| a | b", kind="table"),
        ),
        updated_at=datetime(2026, 2, 1, tzinfo=UTC),
        etag='"1"',
    )


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture(params=["memory", "sqlite", "postgresql"])
def stored_in(request: pytest.FixtureRequest) -> str:
    """Where the store of this test keeps its sources."""
    return str(request.param)


@pytest.fixture
async def knowledge(
    stored_in: str, clock: FakeClock, request: pytest.FixtureRequest
) -> AsyncIterator[SqlKnowledge | MemoryKnowledge]:
    if stored_in == "memory":
        yield MemoryKnowledge(clock)
        return
    database = open_database(request.getfixturevalue("database_url"), PostgresSettings())
    await migrate(database)
    yield SqlKnowledge(database, clock)
    await database.stop()


@pytest.fixture
def store(knowledge: SqlKnowledge | MemoryKnowledge) -> KnowledgeStore:
    return knowledge


async def note_use(
    knowledge: SqlKnowledge | MemoryKnowledge, clock: FakeClock, passage: Passage, turn: int
) -> None:
    """Note that the answer of a turn of conversation 1 rests on ``passage``."""
    if isinstance(knowledge, SqlKnowledge):
        at = to_ms(clock.now())

        def job(connection: Connection) -> None:
            if connection.execute(select(conversations.c.id)).first() is None:
                connection.execute(insert(customers), {"created_at": 1, "opted_out": False})
                connection.execute(insert(conversations), CONVERSATION)
            record_uses(connection, 1, turn, [passage.id, 999], at)

        await knowledge._db.write(job)
        return
    knowledge.note_use(
        SourceUse(
            passage=passage.id,
            document=passage.document,
            version=passage.version,
            conversation=1,
            turn=turn,
            at=clock.now(),
        )
    )


async def test_a_location_is_one_source(store: KnowledgeStore) -> None:
    """A second source with the same location is refused."""
    first = await store.add_source(SITE)
    assert (first.location, first.brand, first.owner) == (SITE.location, "north", "Ana")
    with pytest.raises(WarmlineError, match="already"):
        await store.add_source(SITE)
    assert await store.sources() == (first,)


async def test_a_source_is_checked(store: KnowledgeStore, clock: FakeClock) -> None:
    """When a source was read to the end is stored."""
    source = await store.add_source(SITE)
    assert source.checked_at is None
    await store.checked(source.id)
    assert [s.checked_at for s in await store.sources()] == [clock.now()]


async def test_a_document_keeps_its_order_and_fields(store: KnowledgeStore) -> None:
    """Passages come back as they were read, with what they inherit."""
    source = await store.add_source(SITE)
    stored = await store.put_document(source.id, page("It costs €4.90.", digest="1"))
    assert (stored.version, stored.passages, stored.state, stored.etag) == (1, 2, "current", '"1"')
    first, second = await store.passages_of(stored.id)
    assert (first.text, first.headings, first.anchor) == (
        "It costs €4.90.",
        ("Delivery", "Price"),
        "price",
    )
    assert (first.title, first.language, first.brand) == ("Delivery", "en", "north")
    assert first.updated_at == datetime(2026, 2, 1, tzinfo=UTC)
    assert second.kind == "table"
    assert await store.passages([second.id, 999, first.id]) == (second, first)


async def test_the_same_digest_changes_nothing(store: KnowledgeStore) -> None:
    """Reading a document that is the same makes no version and no change."""
    source = await store.add_source(SITE)
    first = await store.put_document(source.id, page("It costs €4.90.", digest="1"))
    again = await store.put_document(
        source.id, page("It costs €4.90.", digest="1").replace(etag='"2"')
    )
    assert (again.id, again.version, again.etag) == (first.id, 1, '"2"')
    assert [change.kind for change in await store.changes()] == ["added"]


async def test_a_new_digest_is_a_new_version(store: KnowledgeStore) -> None:
    """The passages of the new version are current, and those of the old one stay."""
    source = await store.add_source(SITE)
    first = await store.put_document(source.id, page("It costs €4.90.", digest="1"))
    second = await store.put_document(
        source.id, page("It costs €5.90.", digest="2"), ["price: €4.90 → €5.90"]
    )
    assert (second.id, second.version) == (first.id, 2)
    assert next((p.text, p.current) for p in await store.passages_of(first.id)) == (
        "It costs €5.90.",
        True,
    )
    old = await store.passages_of(first.id, version=1)
    assert next((p.text, p.current) for p in old) == ("It costs €4.90.", False)
    added, changed = await store.changes()
    assert (added.kind, changed.kind) == ("added", "changed")
    assert (changed.version, changed.differences) == (2, ("price: €4.90 → €5.90",))
    assert await store.changes(after=added.id, limit=1) == (changed,)


async def test_a_document_goes_and_returns(store: KnowledgeStore) -> None:
    """Nothing of a document that is gone is current; what returns is, as the version it was."""
    source = await store.add_source(SITE)
    stored = await store.put_document(source.id, page("It costs €4.90.", digest="1"))
    await store.mark_gone(stored.id)
    await store.mark_gone(stored.id)
    assert [d.state for d in await store.documents(source.id)] == ["gone"]
    assert not any(p.current for p in await store.passages_of(stored.id))
    again = await store.put_document(source.id, page("It costs €4.90.", digest="1"))
    assert (again.id, again.version, again.state) == (stored.id, 1, "current")
    assert all(p.current for p in await store.passages_of(stored.id))
    await store.mark_gone(stored.id)
    third = await store.put_document(source.id, page("Free.", digest="2"), ["price: €4.90 →"])
    assert third.version == 2
    kinds = [change.kind for change in await store.changes()]
    assert kinds == ["added", "gone", "returned", "gone", "returned"]


async def test_removal_removes_everywhere(store: KnowledgeStore) -> None:
    """Of a removed source only the note of its removal stays."""
    source = await store.add_source(SITE)
    stored = await store.put_document(source.id, page("It costs €4.90.", digest="1"))
    await store.put_document(source.id, page("It costs €5.90.", digest="2"), ["€4.90 → €5.90"])
    ids = [p.id for version in (1, 2) for p in await store.passages_of(stored.id, version=version)]
    await store.put_vectors("m", dict.fromkeys(ids, b"v"))
    await store.remove_source(source.id)
    assert await store.sources() == ()
    assert await store.documents(source.id) == ()
    assert await store.passages(ids) == ()
    assert await store.vectors(ids, "m") == {}
    (removed,) = await store.changes()
    assert (removed.kind, removed.title, removed.differences) == ("removed", "Delivery", ())
    with pytest.raises(NotFound):
        await store.remove_source(source.id)


async def test_a_change_is_settled(store: KnowledgeStore) -> None:
    """Who looked at a change is stored with it."""
    source = await store.add_source(SITE)
    await store.put_document(source.id, page("It costs €4.90.", digest="1"))
    (change,) = await store.changes()
    await store.settle_change(change.id, "desk:ana")
    assert [c.settled_by for c in await store.changes()] == ["desk:ana"]
    with pytest.raises(NotFound):
        await store.settle_change(999, "desk:ana")


async def test_vectors_are_of_a_model(store: KnowledgeStore) -> None:
    """Vectors are kept by passage and model; those of unknown passages are left out."""
    source = await store.add_source(SITE)
    stored = await store.put_document(source.id, page("It costs €4.90.", digest="1"))
    first, second = await store.passages_of(stored.id)
    await store.put_vectors("m", {first.id: b"1", 999: b"9"})
    assert await store.vectors([first.id, second.id, 999], "m") == {first.id: b"1"}
    assert await store.vectors([first.id], "other") == {}


async def test_what_does_not_exist_is_not_found(store: KnowledgeStore) -> None:
    """Ids that nothing has raise NotFound."""
    with pytest.raises(NotFound):
        await store.put_document(1, page("x", digest="1"))
    with pytest.raises(NotFound):
        await store.mark_gone(1)
    with pytest.raises(NotFound):
        await store.checked(1)


async def test_uses_come_newest_first(
    knowledge: SqlKnowledge | MemoryKnowledge, clock: FakeClock
) -> None:
    """Answers that rest on a document are found by it, until its source is removed."""
    source = await knowledge.add_source(SITE)
    stored = await knowledge.put_document(source.id, page("It costs €4.90.", digest="1"))
    passage, _ = await knowledge.passages_of(stored.id)
    for turn in (1, 2):
        await clock.advance(60)
        await note_use(knowledge, clock, passage, turn)
    newest, first = await knowledge.uses(stored.id)
    assert (newest.turn, newest.at, first.turn) == (2, clock.now(), 1)
    assert (newest.passage, newest.version, newest.conversation) == (passage.id, 1, 1)
    assert await knowledge.uses(stored.id, limit=1) == (newest,)
    assert await knowledge.uses(stored.id + 1) == ()
    await knowledge.remove_source(source.id)
    assert await knowledge.uses(stored.id) == ()


async def test_a_walk_meets_every_current_passage_once(store: KnowledgeStore) -> None:
    """In the order of their ids, and none of an earlier version or of a document that is gone."""
    source = await store.add_source(SITE)
    stay = await store.put_document(source.id, page("It costs €4.90.", digest="1"))
    gone = await store.put_document(source.id, page("Red", digest="2", location="b"))
    await store.put_document(source.id, page("It costs €5.90.", digest="3"))
    await store.put_document(source.id, page("Blue", digest="4", location="c"))
    await store.mark_gone(gone.id)
    walked: list[Passage] = []
    while found := await store.current_passages(walked[-1].id if walked else 0, limit=3):
        walked += found
    assert [p.text for p in walked] == ["It costs €5.90.", "| a | b", "Blue", "| a | b"]
    assert all(p.current for p in walked)
    assert (await store.passages_of(stay.id))[0] == walked[0]


async def test_a_new_title_is_a_new_version(store: KnowledgeStore) -> None:
    """What was made of title and text together must be made again."""
    source = await store.add_source(SITE)
    first = await store.put_document(source.id, page("Free.", digest="1"))
    renamed = page("Free.", digest="1").replace(title="Shipping")
    second = await store.put_document(source.id, renamed)
    assert (second.id, second.version) == (first.id, 2)
    [new, _] = await store.passages_of(first.id)
    assert (new.title, new.current) == ("Shipping", True)


async def test_old_versions_stay_while_answers_rest_on_them(
    knowledge: SqlKnowledge | MemoryKnowledge, clock: FakeClock
) -> None:
    """Of a page that changes every day ten versions stay, and those that were answered from."""
    source = await knowledge.add_source(SITE)
    stored = await knowledge.put_document(source.id, page("day 1", digest="1"))
    used, _ = await knowledge.passages_of(stored.id)
    await note_use(knowledge, clock, used, 1)
    for day in range(2, 15):
        await knowledge.put_document(source.id, page(f"day {day}", digest=str(day)))
    kept = [
        [p.text for p in await knowledge.passages_of(stored.id, version=version)]
        for version in range(1, 6)
    ]
    assert kept == [["day 1"], [], [], [], ["day 5", "| a | b"]]


async def test_unsettled_changes_come_newest_first(store: KnowledgeStore) -> None:
    """Those that answers may rest on: what was added or returned is none of them."""
    source = await store.add_source(SITE)
    assert await store.last_change() == 0
    stored = await store.put_document(source.id, page("It costs €4.90.", digest="1"))
    await store.put_document(source.id, page("It costs €5.90.", digest="2"))
    await store.mark_gone(stored.id)
    gone, changed = await store.unsettled_changes()
    assert (gone.kind, changed.kind) == ("gone", "changed")
    assert await store.unsettled_changes(limit=1) == (gone,)
    assert await store.last_change() == gone.id
    await store.settle_change(gone.id, "desk:ana")
    assert await store.unsettled_changes() == (changed,)


async def test_a_vector_replaces_that_of_another_model(store: KnowledgeStore) -> None:
    """One vector is kept for a passage: the newest."""
    source = await store.add_source(SITE)
    stored = await store.put_document(source.id, page("It costs €4.90.", digest="1"))
    passage, _ = await store.passages_of(stored.id)
    await store.put_vectors("old", {passage.id: b"1"})
    await store.put_vectors("new", {passage.id: bytes(range(256))})
    assert await store.vectors([passage.id], "old") == {}
    assert await store.vectors([passage.id], "new") == {passage.id: bytes(range(256))}


NOTED = DecidedDraft(
    id=1,
    customer=1,
    question="How long is a gift card valid?",
    language="en",
    brand="north",
    passages=(7, 8),
    outcome="sent",
    draft="Three years.",
    final="Three years.",
    agent="desk:ana",
)


async def note_draft(
    knowledge: SqlKnowledge | MemoryKnowledge, draft: DecidedDraft, *, left_open: bool = False
) -> None:
    """Note a decided draft, in a conversation of its own. ``left_open``: nobody touched the draft,
    and the agent wrote its ``final`` by hand."""
    if isinstance(knowledge, MemoryKnowledge):
        knowledge.note_draft(draft)
        return
    agent = to_json(Agent(id=draft.agent, name="Ana"))
    stored = {"id": draft.id, "conversation_id": draft.id, "lane": f"fake:{draft.id}"}
    message = stored | {"purpose": "answer", "status": "sent", "internal": False}
    own = {
        "id": draft.id,
        "conversation_id": draft.id,
        "text": draft.draft,
        "source": "knowledge: Gift cards",
        "at": 10,
        "outcome": "open" if left_open else draft.outcome,
        "final": None if left_open else draft.final,
        "agent": None if left_open else agent,
        "passages": to_json(draft.passages),
    }

    def job(connection: Connection) -> None:
        connection.execute(insert(customers), {"created_at": 1, "opted_out": False})
        connection.execute(
            insert(conversations),
            CONVERSATION
            | {"id": draft.id, "customer_id": draft.customer, "lane": f"fake:{draft.id}"}
            | {"language": draft.language, "brand": draft.brand, "agent_id": draft.agent},
        )
        said = [(2, "customer", "Hello"), (9, "customer", draft.question)]
        said += [(20, "agent", draft.final or "")] if left_open else []
        said += [(30, "customer", "Thank you")]
        for at, author, words in said:
            line = {"id": draft.id * 100 + at, "author": author, "text": words, "at": at}
            connection.execute(insert(messages), message | line)
        connection.execute(insert(suggestions), own)

    await knowledge._db.write(job)


async def test_decided_drafts_come_newest_first(
    knowledge: SqlKnowledge | MemoryKnowledge,
) -> None:
    """Each with the customer's last message before it, and with what the agent made of it."""
    edited = NOTED.replace(id=2, customer=2, outcome="edited", final="It is three years.")
    ignored = NOTED.replace(id=3, customer=3, outcome="ignored", final=None, passages=(9,))
    assert await knowledge.count_decided_drafts() == 0
    for draft in (NOTED, edited, ignored):
        await note_draft(knowledge, draft)
    assert await knowledge.decided_drafts() == (ignored, edited, NOTED)
    assert await knowledge.decided_drafts(limit=2) == (ignored, edited)
    assert await knowledge.count_decided_drafts() == 3
    assert await knowledge.count_decided_drafts(limit=2) == 2


@pytest.mark.parametrize("stored_in", ["sqlite", "postgresql"])
async def test_a_draft_that_stays_open_while_an_agent_answers_is_ignored(
    knowledge: SqlKnowledge,
) -> None:
    """Its final words are the agent's first ones after it. A draft that a newer one replaced, that
    nobody answered, or that rests on no passage was not decided."""
    by_hand = NOTED.replace(outcome="ignored", final="Sorry, that has changed.")
    await note_draft(knowledge, by_hand, left_open=True)
    await note_draft(knowledge, NOTED.replace(id=2, customer=2))
    await note_draft(knowledge, by_hand.replace(id=6, customer=3), left_open=True)
    more = {"conversation_id": 2, "text": "t", "source": "faq", "at": 40}
    replaced = more | {"conversation_id": 1, "at": 5, "passages": "[7]"}

    def job(connection: Connection) -> None:
        connection.execute(insert(suggestions), more | {"id": 3, "passages": "[7]"})
        connection.execute(insert(suggestions), more | {"id": 4, "outcome": "sent"})
        connection.execute(update(suggestions).where(suggestions.c.id == 1).values(id=11))
        connection.execute(insert(suggestions), replaced | {"id": 5})
        late = update(messages).where(messages.c.author == "agent")
        connection.execute(late.where(messages.c.conversation_id == 6).values(at=50))
        connection.execute(insert(suggestions), more | {"id": 12, "conversation_id": 6})

    await knowledge._db.write(job)
    found = await knowledge.decided_drafts()
    assert found == (by_hand.replace(id=11), NOTED.replace(id=2, customer=2))


@pytest.mark.parametrize("stored_in", ["sqlite", "postgresql"])
async def test_decided_drafts_are_found_without_reading_whole_tables(
    knowledge: SqlKnowledge, stored_in: str
) -> None:
    """By primary keys and the indexes of conversations, from the newest draft back."""

    def plan(connection: Connection) -> list[str]:
        query = reading._decided(10).compile(
            connection, compile_kwargs={"literal_binds": True, "render_postcompile": True}
        )
        explain = "EXPLAIN QUERY PLAN" if stored_in == "sqlite" else "EXPLAIN"
        if stored_in == "postgresql":  # an empty table is read whole whatever its indexes
            connection.exec_driver_sql("SET LOCAL enable_seqscan = off")
        return [str(row[-1]) for row in connection.exec_driver_sql(f"{explain} {query}")]

    steps = await knowledge._db.read(plan)
    whole = [step for step in steps if "Seq Scan" in step or step.startswith("SCAN messages")]
    assert not whole, steps
    used = " ".join(steps)
    assert "ix_messages_conversation" in used
    assert "ix_suggestions_conversation" in used
