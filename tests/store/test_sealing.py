"""Encryption at rest: nothing readable on disk, keys that change, keys that are missing."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Text, select

from gateway import Address, File, Reply, WarmlineError
from gateway.adapters.encryption import FILE, MARK, BadKey, DataKeys, new_key, read_keys
from gateway.adapters.sql import places
from gateway.adapters.sql.rotation import rotate
from gateway.adapters.sql.schema import metadata
from gateway.app import build_gateway
from gateway.settings import BadConfig
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
    "customers": {"language", "ref"},
    "identities": {"channel", "value"},
    "conversations": {"channel", "address", "lane", "state", "owner", "tier", "language",
                      "intent", "mood"},
    "messages": {"lane", "author", "purpose", "status", "remote_id"},
    "attachments": {"digest", "media_type"},
    "inbox": {"lane", "channel", "kind", "remote_id", "state", "error", "process"},
    "outbox": {"lane", "channel", "author", "key", "state", "error", "process"},
    "timers": {"lane", "name", "data"},
    "handoffs": {"tier", "skills", "agent"},
    "suggestions": {"source", "outcome", "agent"},
    "surveys": {"kind", "scale"},
    "notes_of_guests": {"guest", "key"},
    "links": {"channel", "value", "how", "agent"},
    "codes": {"channel", "value", "digest"},
    "audit": {"who", "what", "origin", "detail"},
    "data_keys": {"name"},
    "hooks": {"event", "endpoint", "name", "state", "error"},
    "processes": {"id", "name", "role"},
}  # fmt: skip
"""Columns with text that stay plain: codes, addresses to find people by, and people of ours."""


def environ(*keys: str) -> Mapping[str, str]:
    return {"WARMLINE_DATA_KEY": ",".join(keys)} if keys else {}


async def live_through(gw: RunningGateway) -> None:
    """Words everywhere: a message with a file, an answer, a note, a hand-over, a guest's note."""
    sent = File(name=f"{CANARY}.txt", media_type="text/plain", data=CANARY.encode() * 9)
    kept = await gw.services.files.keep(sent)
    ana = gw.customer("email", "ana")
    await ana.say(f"{CANARY}, please", subject=CANARY, name=CANARY, attachments=(kept,))
    agent = gw.desk_agent("ben")
    card = await agent.claim()
    await agent.answer(card, f"About the {CANARY}")
    await gw.services.desk.note(card.conversation.id, agent.agent, f"A {CANARY}?")
    await gw.services.storage.put("guest", "k", CANARY, conversation=card.conversation.id)


def asleep(folder: Path, *keys: str) -> Any:
    """A gateway that starts by itself there; the handler hands over whatever comes."""
    handler = FakeHandler(lambda turn: Reply(body=(f"You said {turn.message.text}",)))
    return running(handler, tmp_path=folder, environ=environ(*keys))


def on_disk(folder: Path) -> bytes:
    """All that lies there."""
    return b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())


def test_every_text_has_its_decision() -> None:
    """Each column with text is sealed or stands in the list of what stays plain: a new one must be
    decided on."""
    sealed = {(place.table.name, place.column) for place in places.PLACES}
    for table in metadata.sorted_tables:
        for column in table.columns:
            if isinstance(column.type, Text) or column.type.python_type is str:
                plain = column.name in PLAIN[table.name]
                assert plain != ((table.name, column.name) in sealed), f"{table.name}.{column.name}"


@pytest.mark.sqlite
async def test_words_were_readable_on_disk(tmp_path: Path) -> None:
    """With a key nothing that was said, noted, attached or named is found in any file, and
    everything reads as it was."""
    async with asleep(tmp_path, A) as gw:
        await live_through(gw)
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
async def test_without_a_key_nothing_changes(tmp_path: Path) -> None:
    """What is stored is what it was before there were keys."""
    async with asleep(tmp_path) as gw:
        await live_through(gw)
        assert CANARY.encode() in on_disk(tmp_path / "var")
    with closing(sqlite3.connect(tmp_path / "var" / "warmline.db")) as raw, raw:
        texts = [text for (text,) in raw.execute("SELECT text FROM messages")]
    raw.close()
    assert f"{CANARY}, please" in texts


async def test_keys_change_with_data_in_place(tmp_path: Path) -> None:
    """Plain, then sealed, then under another key, then plain again: nothing is lost on the way,
    and each time the old key is needed no more."""
    async with asleep(tmp_path) as gw:
        await live_through(gw)
        before = await gw.gateway.store.customers.export(Address(channel="email", value="ana"))
    name_a, name_b = read_keys(A).names + read_keys(B).names
    for keys, gone in (((A,), []), ((B, A), [name_a]), ((B,), [])):
        async with asleep(tmp_path, *keys) as gw:
            told: dict[str, int] = {}
            done = await rotate(gw.gateway.database, gw.gateway.files, told.__setitem__)
            assert list(done) == gone
            again: dict[str, int] = {}
            await rotate(gw.gateway.database, gw.gateway.files, again.__setitem__)
            assert not any(again.values())
            assert any(told.values()) == (keys != (B,))
            await gw.gateway.database.checkpoint()
            held = await gw.gateway.store.customers.export(Address(channel="email", value="ana"))
            assert held == before
        assert CANARY.encode() not in on_disk(tmp_path / "var")
    assert name_b
    async with asleep(tmp_path, B) as gw:
        opened = DataKeys()
        opened._ciphers = gw.gateway.database.keys._ciphers
        gw.gateway.database.keys.first = None
        await rotate(gw.gateway.database, gw.gateway.files, lambda *_: None)
    async with asleep(tmp_path) as gw:
        held = await gw.gateway.store.customers.export(Address(channel="email", value="ana"))
        assert held == before


async def test_a_rotation_that_was_cut_off_goes_on(tmp_path: Path) -> None:
    """Half done, everything is readable; begun again, it changes the other half alone."""
    async with asleep(tmp_path, A) as gw:
        for number in range(4):
            await gw.customer("rest", f"c{number}").say(CANARY)
    async with asleep(tmp_path, B, A) as gw:
        table = places.PLACES[2].table

        def one(connection: Any) -> int:
            keys = gw.gateway.database.keys
            row = connection.execute(select(table).limit(1)).mappings().one()
            bound = places.PLACES[2].bound(row)
            text = keys.seal(keys.open(row["text"], bound), bound)
            mine = table.update().where(table.c.id == row["id"])
            return int(connection.execute(mine.values(text=text)).rowcount)

        assert await gw.gateway.database.write(one) == 1
        for number in range(1, 5):
            assert (await gw.services.desk.card(number)).messages[0].text == CANARY
        told: dict[str, int] = {}
        await rotate(gw.gateway.database, gw.gateway.files, told.__setitem__)
        assert told["messages"]
        assert told["customers"] == 0


@pytest.mark.parametrize("keys", [(), (B,)], ids=["none", "another"])
async def test_a_missing_key_lost_data(tmp_path: Path, keys: tuple[str, ...]) -> None:
    """Without the key the gateway does not start, says which one it needs, and changes nothing."""
    async with asleep(tmp_path, A) as gw:
        await live_through(gw)
    name = read_keys(A).first
    before = on_disk(tmp_path / "var")
    with pytest.raises(BadKey, match=f"sealed with the key {name}, which WARMLINE_DATA_KEY"):
        async with asleep(tmp_path, *keys):
            raise AssertionError("it started")
    assert len(on_disk(tmp_path / "var")) >= len(before)
    async with asleep(tmp_path, A) as gw:
        assert (await gw.services.desk.card(1)).customer.name == CANARY


@pytest.mark.sqlite
async def test_a_database_that_cannot_be_read_stayed_open(tmp_path: Path) -> None:
    """Its connections are closed before the mistake is told."""
    async with asleep(tmp_path, A) as gw:
        await live_through(gw)
    guests = as_plugins([PlainVoice()])
    gateway = build_gateway(guests, settings_for(guests, {}, tmp_path, environ(B)))
    with pytest.raises(BadKey):
        await gateway.open_database()
    with pytest.raises(RuntimeError, match="the database is closed"):
        await gateway.database.read(lambda connection: connection.closed)


async def test_an_erasure_left_an_address_in_sealed_lines(tmp_path: Path) -> None:
    """Lines of other customers that name an erased address are found sealed too."""
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


async def test_words_moved_to_another_conversation(tmp_path: Path) -> None:
    """Who can write to the database cannot put one customer's words into another's."""
    async with asleep(tmp_path, A) as gw:
        await gw.customer("rest", "ana").say("mine")
        await gw.customer("rest", "eve").say("hers")
        table = places.PLACES[2].table

        def swap(connection: Any) -> None:
            texts = dict(
                connection.execute(
                    select(table.c.lane, table.c.text).where(table.c.author == "customer")
                ).all()
            )
            mine = table.update().where(table.c.lane == "rest:eve", table.c.author == "customer")
            connection.execute(mine.values(text=texts["rest:ana"]))

        await gw.gateway.database.write(swap)
        with pytest.raises(BadKey, match=r"messages\.text was changed or moved"):
            await gw.services.desk.card(2)


@pytest.mark.parametrize("text", [MARK, f"{MARK}1deadbeefAAAA", f"{MARK}p{MARK}1", "", "ä\udc80"])
@pytest.mark.parametrize("keys", [DataKeys(), read_keys(A)], ids=["plain", "sealed"])
def test_a_text_that_looks_sealed_was_not_read(text: str, keys: DataKeys) -> None:
    """Whatever a customer writes comes back as it was; none can make a line unreadable."""
    assert keys.open(keys.seal(text, "p"), "p") == text
    data = FILE + text.encode("utf-8", "surrogatepass")
    assert keys.open_bytes(keys.seal_bytes(data, "p"), "p") == data


@pytest.mark.parametrize(
    "value", ["short", "????", f"{A},x", "A" * 44], ids=["short", "signs", "second", "long"]
)
def test_a_wrong_key_is_named_and_not_shown(value: str) -> None:
    """Which one is wrong and how to make one; none is quoted."""
    with pytest.raises(WarmlineError, match="is not 32 bytes in base64") as told:
        read_keys(value)
    assert A not in str(told.value)


def test_a_key_in_the_settings_file_is_refused(tmp_path: Path) -> None:
    """Secrets come from the environment, and the message says so."""
    with pytest.raises(BadConfig, match="is a secret; set WARMLINE_DATA_KEY"):
        settings_for([], {"data_key": A}, tmp_path)


def test_the_settings_do_not_show_the_key(tmp_path: Path) -> None:
    """Printed, they tell nothing of it."""
    settings = settings_for([], {}, tmp_path, environ(A))
    assert A not in repr(settings.core)
