"""Encryption at rest: nothing readable on disk, key rotation, missing keys."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Text, select

from gateway import Address, ExampleText, File, Reply, WarmlineError
from gateway.adapters.encryption import FILE, MARK, BadKey, DataKeys, new_key, read_keys
from gateway.adapters.sql.encryption import ENCRYPTED_COLUMNS, rotate_keys
from gateway.adapters.sql.schema import metadata
from gateway.app import build_gateway
from gateway.model import UNREADABLE
from gateway.settings import BadConfig
from gateway.store import VersionDraft, VersionFiles
from gateway.testing import (
    FakeChannel,
    FakeHandler,
    PlainVoice,
    RunningGateway,
    as_plugins,
    running,
    settings_for,
)

CANARY = "platypus in the boiler"
A, B = new_key(), new_key()
PLAIN = {
    "customers": {"language", "ref", "brand"},
    "identities": {"channel", "value", "support_address"},
    "conversations": {"channel", "address", "lane", "state", "owner", "tier", "language",
                      "intent", "mood", "support_address", "brand", "labels", "snoozed_by",
                      "last_from", "agent_id", "skills"},
    "conversation_labels": {"label"},
    "messages": {"lane", "author", "purpose", "status", "remote_id"},
    "attachments": {"digest", "media_type"},
    "inbox": {"lane", "channel", "kind", "remote_id", "state", "error", "process"},
    "outbox": {"lane", "channel", "author", "key", "state", "error", "process"},
    "timers": {"lane", "name", "data"},
    "handoffs": {"tier", "skills", "agent"},
    "suggestions": {"passages", "source", "outcome", "agent"},
    "surveys": {"kind", "scale", "aspect"},
    "search_documents": {"lane", "brand", "words"},  # with a key: the words of addresses alone
    "notes_of_guests": {"guest", "key"},
    "links": {"channel", "value", "how", "agent", "support_address"},
    "codes": {"channel", "value", "digest", "support_address"},
    "audit": {"who", "what", "origin", "detail"},
    "data_keys": {"name"},
    "hooks": {"event", "endpoint", "name", "state", "error"},
    "processes": {"id", "name", "role"},
    "versions": {"kind", "author", "proposal", "examples", "written"},
    "adopted_examples": {"intent"},
    "promises": {"author", "agent", "kind", "state", "settled_by"},
    "confirmed_facts": {"name", "agent"},
    "imports": {"source", "format", "label", "brand", "skipped"},
    "knowledge_sources": {"location", "title", "brand", "owner", "language"},
    "knowledge_documents": {"location", "location_key", "title", "language", "digest", "state",
                            "etag", "last_modified"},
    "knowledge_passages": {"headings", "text", "kind", "question", "anchor"},
    "knowledge_vectors": {"model"},
    "knowledge_changes": {"kind", "title", "location", "differences", "settled_by"},
    "knowledge_uses": set(),
    "forwarded_words": {"channel", "value"},
}  # fmt: skip
"""Text columns that stay plain: codes, addresses to look up, our own people, and what the team's
own sources say."""


def environ(*keys: str) -> Mapping[str, str]:
    return {"WARMLINE_DATA_KEY": ",".join(keys)} if keys else {}


async def fill(gw: RunningGateway) -> None:
    """Put the canary everywhere: message, file, answer, note, handoff, plugin storage, version."""
    sent = File(name=f"{CANARY}.txt", media_type="text/plain", data=CANARY.encode() * 9)
    kept = await gw.services.files.keep(sent)
    ana = gw.customer("email", "ana")
    await ana.say(f"{CANARY}, please", subject=CANARY, name=CANARY, attachments=(kept,))
    agent = gw.desk_agent("ben")
    card = await agent.claim()
    await agent.answer(card, f"About the {CANARY}")
    await gw.services.desk.note(card.conversation.id, agent.agent, f"A {CANARY}?")
    await gw.services.storage.put("guest", "k", CANARY, conversation=card.conversation.id)
    example = ("animals", ExampleText(text=CANARY, conversation=card.conversation.id))
    adopted = VersionDraft(
        kind="answers",
        before=0,
        at=gw.clock.now(),
        author="desk:ben",
        why=CANARY,
        tree={"answers": {"animals": CANARY}},
        added=(example, ("animals", ExampleText(text=CANARY))),
    )
    version = await gw.gateway.store.versions.add(adopted)
    files = VersionFiles(written=(), originals={"faq": {"animals": CANARY}})
    await gw.gateway.store.versions.set_files(version.number, files)


def gateway_in(folder: Path, *keys: str) -> Any:
    """A gateway with its data in ``folder``; the handler echoes every message."""
    handler = FakeHandler(lambda turn: Reply(body=(f"You said {turn.message.text}",)))
    return running(handler, tmp_path=folder, environ=environ(*keys))


def on_disk(folder: Path) -> bytes:
    """The contents of all files in ``folder``."""
    return b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())


def test_every_text_column_is_encrypted_or_listed_as_plain() -> None:
    """A new text column needs a decision."""
    encrypted = {(one.table.name, one.column) for one in ENCRYPTED_COLUMNS}
    for table in metadata.sorted_tables:
        for column in table.columns:
            if isinstance(column.type, Text) or column.type.python_type is str:
                plain = column.name in PLAIN[table.name]
                assert plain != ((table.name, column.name) in encrypted), (
                    f"{table.name}.{column.name}"
                )


@pytest.mark.sqlite
async def test_words_are_not_readable_on_disk(tmp_path: Path) -> None:
    """With a key, no message, note, file or name is found in any file, and everything reads back as
    it was written."""
    async with gateway_in(tmp_path, A) as gw:
        await fill(gw)
        [card] = [await gw.services.desk.card(1)]
        assert card.conversation.subject == CANARY
        assert card.customer.name == CANARY
        assert [m.text for m in card.messages if m.author == "customer"] == [f"{CANARY}, please"]
        [file] = [one for m in card.messages for one in m.attachments]
        assert file.name == f"{CANARY}.txt"
        assert await gw.services.files.open(file.digest) == CANARY.encode() * 9
        entry = await gw.services.storage.get("guest", "k")
        assert entry
        assert entry.value == CANARY
        assert CANARY in str(await gw.gateway.store.customers.export(card.conversation.address))
        assert CANARY.encode() not in on_disk(tmp_path / "var")
    assert CANARY.encode() not in on_disk(tmp_path / "var")


@pytest.mark.sqlite
async def test_without_a_key_text_is_stored_plain(tmp_path: Path) -> None:
    """As before there were keys."""
    async with gateway_in(tmp_path) as gw:
        await fill(gw)
        assert CANARY.encode() in on_disk(tmp_path / "var")
    with closing(sqlite3.connect(tmp_path / "var" / "warmline.db")) as raw, raw:
        texts = [text for (text,) in raw.execute("SELECT text FROM messages")]
    raw.close()
    assert f"{CANARY}, please" in texts


async def test_keys_are_rotated_with_data_in_place(tmp_path: Path) -> None:
    """Plain, then encrypted, then with another key, then plain again: nothing is lost, and each
    rotation makes the old key unnecessary."""
    async with gateway_in(tmp_path) as gw:
        await fill(gw)
        before = await gw.gateway.store.customers.export(Address(channel="email", value="ana"))
    name_a, name_b = read_keys(A).names + read_keys(B).names
    for keys, unneeded in (((A,), []), ((B, A), [name_a]), ((B,), [])):
        async with gateway_in(tmp_path, *keys) as gw:
            changed: dict[str, int] = {}
            done = await rotate_keys(gw.gateway.database, gw.gateway.files, changed.__setitem__)
            assert list(done) == unneeded
            again: dict[str, int] = {}
            await rotate_keys(gw.gateway.database, gw.gateway.files, again.__setitem__)
            assert not any(again.values())
            assert any(changed.values()) == (keys != (B,))
            await gw.gateway.database.checkpoint()
            held = await gw.gateway.store.customers.export(Address(channel="email", value="ana"))
            assert held == before
        assert CANARY.encode() not in on_disk(tmp_path / "var")
    assert name_b
    async with gateway_in(tmp_path, B) as gw:
        gw.gateway.database.keys.first = None
        await rotate_keys(gw.gateway.database, gw.gateway.files, lambda *_: None)
    async with gateway_in(tmp_path) as gw:
        held = await gw.gateway.store.customers.export(Address(channel="email", value="ana"))
        assert held == before


async def test_an_interrupted_rotation_can_be_started_again(tmp_path: Path) -> None:
    """Half done, everything is readable; a second run changes only the other half."""
    async with gateway_in(tmp_path, A) as gw:
        for number in range(4):
            await gw.customer("rest", f"c{number}").say(CANARY)
    async with gateway_in(tmp_path, B, A) as gw:
        table = ENCRYPTED_COLUMNS[2].table

        def one(connection: Any) -> int:
            keys = gw.gateway.database.keys
            row = connection.execute(select(table).limit(1)).mappings().one()
            place = ENCRYPTED_COLUMNS[2].place(row)
            text = keys.seal(keys.open(row["text"], place), place)
            mine = table.update().where(table.c.id == row["id"])
            return int(connection.execute(mine.values(text=text)).rowcount)

        assert await gw.gateway.database.write(one) == 1
        for number in range(1, 5):
            assert (await gw.services.desk.card(number)).messages[0].text == CANARY
        changed: dict[str, int] = {}
        await rotate_keys(gw.gateway.database, gw.gateway.files, changed.__setitem__)
        assert changed["messages"]
        assert changed["customers"] == 0


@pytest.mark.parametrize("keys", [(), (B,)], ids=["none", "another"])
async def test_the_gateway_does_not_start_without_its_key(
    tmp_path: Path, keys: tuple[str, ...]
) -> None:
    """The error names the missing key, and nothing is changed."""
    async with gateway_in(tmp_path, A) as gw:
        await fill(gw)
    name = read_keys(A).first
    before = on_disk(tmp_path / "var")
    with pytest.raises(BadKey, match=f"encrypted with the key {name}, which WARMLINE_DATA_KEY"):
        async with gateway_in(tmp_path, *keys):
            raise AssertionError("it started")
    assert len(on_disk(tmp_path / "var")) >= len(before)
    async with gateway_in(tmp_path, A) as gw:
        assert (await gw.services.desk.card(1)).customer.name == CANARY


@pytest.mark.sqlite
async def test_a_database_that_cannot_be_read_is_closed(tmp_path: Path) -> None:
    """Its connections are closed before the error is raised."""
    async with gateway_in(tmp_path, A) as gw:
        await fill(gw)
    guests = as_plugins([PlainVoice()])
    gateway = build_gateway(guests, settings_for(guests, {}, tmp_path, environ(B)))
    with pytest.raises(BadKey):
        await gateway.open_database()
    with pytest.raises(RuntimeError, match="the database is closed"):
        await gateway.database.read(lambda connection: connection.closed)


async def test_an_erasure_finds_addresses_in_encrypted_lines(tmp_path: Path) -> None:
    """Also in the lines of other customers."""
    phone = FakeChannel("rest")
    async with running(phone, tmp_path=tmp_path, environ=environ(A)) as gw:
        await gw.customer("rest", "ana").say("hello")
        agent = gw.desk_agent("ben")
        mia = Address(channel="rest", value="mia-of-the-hill")
        await gw.services.desk.link(1, mia, agent.agent)
        await gw.services.desk.unlink(1, 1, agent.agent)
        await gw.gateway.store.customers.erase(mia)
        card = await gw.services.desk.card(1)
        assert "mia-of-the-hill" not in str(card)
        assert "an erased address" in str(card)


async def test_text_moved_to_another_conversation_is_rejected(tmp_path: Path) -> None:
    """Somebody who can write to the database cannot pass one customer's text off as another's."""
    async with gateway_in(tmp_path, A) as gw:
        await gw.customer("rest", "ana").say("mine")
        await gw.customer("rest", "eve").say("hers")
        table = ENCRYPTED_COLUMNS[2].table

        def swap(connection: Any) -> None:
            texts = dict(
                connection.execute(
                    select(table.c.lane, table.c.text).where(table.c.author == "customer")
                ).all()
            )
            mine = table.update().where(table.c.lane == "rest:eve", table.c.author == "customer")
            connection.execute(mine.values(text=texts["rest:ana"]))

        await gw.gateway.database.write(swap)
        card = await gw.services.desk.card(2)
        assert card.messages[0].text == UNREADABLE


@pytest.mark.parametrize("text", [MARK, f"{MARK}1deadbeefAAAA", f"{MARK}p{MARK}1", "", "ä\udc80"])
@pytest.mark.parametrize("keys", [DataKeys(), read_keys(A)], ids=["plain", "sealed"])
def test_a_text_that_looks_encrypted_reads_back_unchanged(text: str, keys: DataKeys) -> None:
    """A customer cannot make a row unreadable."""
    assert keys.open(keys.seal(text, "p"), "p") == text
    data = FILE + text.encode("utf-8", "surrogatepass")
    assert keys.open_bytes(keys.seal_bytes(data, "p"), "p") == data


@pytest.mark.parametrize(
    "value", ["short", "????", f"{A},x", "A" * 44], ids=["short", "signs", "second", "long"]
)
def test_an_invalid_key_is_reported_without_its_value(value: str) -> None:
    """The error says which key is invalid and how to make one."""
    with pytest.raises(WarmlineError, match="is not 32 bytes in base64") as raised:
        read_keys(value)
    assert A not in str(raised.value)


def test_a_key_in_the_settings_file_is_refused(tmp_path: Path) -> None:
    """Secrets come from the environment; the error says so."""
    with pytest.raises(BadConfig, match="is a secret; set WARMLINE_DATA_KEY"):
        settings_for([], {"data_key": A}, tmp_path)


def test_the_settings_do_not_show_the_key(tmp_path: Path) -> None:
    """Not in their representation."""
    settings = settings_for([], {}, tmp_path, environ(A))
    assert A not in repr(settings.core)
