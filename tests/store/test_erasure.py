"""An erasure reaches everything: log, archive, Maildir; an export holds everything, files too."""

from __future__ import annotations

import asyncio
import base64
import gzip
import sqlite3
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, insert, select

import channels.email
from gateway import Address, File, Json, NotFound, Reply, Traits, Turn
from gateway.adapters.sql.schema import conversations, identities, metadata
from gateway.testing import FakeChannel, FakeClock, FakeHandler, RunningGateway, running
from tests.conftest import until
from tests.spine.conftest import echo

CANARY = "platypus in the boiler"
ANA, BEN = Address(channel="fake", value="ana"), Address(channel="fake", value="ben")


def gateway_in(
    folder: Path, *modules: Any, clock: Any = None, answer: Any = echo, **config: Any
) -> Any:
    policy = folder / "policy.yaml"
    policy.write_text("reasons: {low_confidence: {enabled: false}}", "utf-8")
    tree = {"policy": str(policy), **config}
    return running(
        FakeChannel(), *modules, FakeHandler(answer), config=tree, tmp_path=folder, clock=clock
    )


def everything(folder: Path) -> bytes:
    """All files below ``folder``, archives unpacked."""
    found = b""
    for path in folder.rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            found += gzip.decompress(content) if path.suffix == ".gz" else content
    return found


@pytest.mark.sqlite
async def test_an_erasure_while_somebody_reads_says_so_and_is_finished_later(
    tmp_path: Path,
) -> None:
    """The reader's snapshot needs the log, which holds the words; then they are gone from it."""
    clock = FakeClock()
    async with gateway_in(tmp_path, clock=clock) as gw:
        reader = sqlite3.connect(tmp_path / "var" / "warmline.db", isolation_level=None)
        await gw.customer("fake", "ana").say(CANARY)
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM messages").fetchone()
        erased = await gw.gateway.customer_data.erase(ANA)
        assert not erased.finished
        assert CANARY.encode() in everything(tmp_path / "var")
        reader.close()

        async def gone() -> bool:
            await clock.advance(61)
            return CANARY.encode() not in everything(tmp_path / "var")

        assert await until(gone)
        assert await gw.gateway.store.customers.finish_erasures()


@pytest.mark.sqlite
async def test_an_erasure_that_a_crash_cut_off_is_finished_by_the_next_server(
    tmp_path: Path,
) -> None:
    """The database remembers it."""
    async with gateway_in(tmp_path) as gw:
        reader = sqlite3.connect(tmp_path / "var" / "warmline.db", isolation_level=None)
        await gw.customer("fake", "ana").say(CANARY)
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM messages").fetchone()
        assert not (await gw.gateway.customer_data.erase(ANA)).finished
    assert CANARY.encode() in everything(tmp_path / "var")
    reader.close()
    async with gateway_in(tmp_path) as gw:

        async def gone() -> bool:
            return CANARY.encode() not in everything(tmp_path / "var")

        assert await until(gone)


async def archived(gw: RunningGateway, clock: FakeClock) -> None:
    """Conversations of Ana and Ben, in the archive only."""
    for address in (ANA, BEN):
        customer = gw.customer("fake", address.value)
        await customer.say(f"{CANARY} of {address.value}")
    await clock.advance(timedelta(days=5).total_seconds())

    async def deleted() -> bool:
        await clock.advance(3600)  # the daily run pauses between its steps
        found = await gw.gateway.database.read(lambda c: c.execute(select(conversations)).first())
        return found is None

    assert await until(deleted)  # by the daily run


async def test_export_and_erasure_reach_the_archive(tmp_path: Path, stored_in: str) -> None:
    """Also when the database knows the customer no more. The others stay archived."""
    clock = FakeClock()
    days = {"conversations_days": 1, "archive": str(tmp_path / "archive")}
    async with gateway_in(tmp_path, clock=clock, retention=days) as gw:
        await archived(gw, clock)
        data = gw.gateway.customer_data
        exported: Any = await data.export(ANA)
        assert [c["messages"][0]["text"] for c in exported["archived"]] == [f"{CANARY} of ana"]
        erased = await data.erase(ANA)
        assert (erased.archived, erased.unreadable) == (1, ())
        left = everything(tmp_path / "archive").decode()
        assert f"{CANARY} of ana" not in left
        assert f"{CANARY} of ben" in left
        with pytest.raises(NotFound):
            await data.export(ANA)
        with pytest.raises(NotFound):
            await data.erase(ANA)


async def test_a_damaged_archive_is_named_and_the_others_are_searched(
    tmp_path: Path, stored_in: str
) -> None:
    """A person must look into it."""
    clock = FakeClock()
    days = {"conversations_days": 1, "archive": str(tmp_path / "archive")}
    async with gateway_in(tmp_path, clock=clock, retention=days) as gw:
        await archived(gw, clock)
        (tmp_path / "archive" / "conversations-2020-01.jsonl.gz").write_bytes(b"\x1f\x8bbroken")
        packed = gzip.compress(b"x" * 99)  # then a damaged block: no OSError, a zlib.error
        damaged = packed[:10] + b"\xff" * 9 + packed[19:]
        (tmp_path / "archive" / "conversations-2020-02.jsonl.gz").write_bytes(damaged)
        names = tuple(f"conversations-2020-0{n}.jsonl.gz" for n in (1, 2))
        exported: Any = await gw.gateway.customer_data.export(ANA)
        assert exported["unreadable_archives"] == names
        erased = await gw.gateway.customer_data.erase(ANA)
        assert (erased.archived, erased.unreadable) == (1, names)
        with pytest.raises(NotFound, match=names[0]):
            await gw.gateway.customer_data.erase(ANA)


class FailingHolder:
    """A plugin that keeps mails, in a folder that cannot be written at first."""

    def __init__(self) -> None:
        self.broken, self.erased = True, list[Address]()

    async def export_customer(self, addresses: Sequence[Address]) -> Json:
        return {}

    async def erase_customer(self, addresses: Sequence[Address]) -> int:
        if self.broken:
            raise PermissionError
        self.erased += addresses
        return 1


async def test_an_erasure_that_a_plugin_stopped_can_be_tried_again(
    tmp_path: Path, stored_in: str
) -> None:
    """The customer's other addresses are still known then."""
    async with gateway_in(tmp_path) as gw:
        await gw.customer("fake", "ana").say("hello")
        other = Address(channel="fake", value="ana at home")
        await gw.gateway.database.write(
            lambda c: c.execute(
                insert(identities).values(customer_id=1, channel="fake", value=other.value)
            ).close()
        )
        holder = FailingHolder()
        data = replace(gw.gateway.customer_data, holders={"mails": holder})
        with pytest.raises(PermissionError):
            await data.erase(ANA)
        holder.broken = False
        await data.erase(ANA)
        assert set(holder.erased) == {ANA, other}


MAIL = {
    "address": "help@shop.example",
    "smtp_port": 0,
    "maildir": "mail",
}


async def test_export_and_erasure_reach_the_maildir(tmp_path: Path, stored_in: str) -> None:
    """The mails to this customer, and to nobody else."""
    async with gateway_in(tmp_path, channels.email, channels={"email": MAIL}) as gw:
        for name in ("ana", "ben"):
            await gw.customer("email", f"{name}@example.org").say(f"{CANARY} of {name}")
        ana = Address(channel="email", value="ana@example.org")
        data = gw.gateway.customer_data
        exported: Any = await data.export(ana)
        assert len(exported["email"]) == 1
        assert "ana@example.org" in exported["email"][0]
        assert (await data.erase(ana)).kept_by_plugins == 1
        left = everything(tmp_path / "var" / "mail")
        assert b"ana@example.org" not in left
        assert b"ben@example.org" in left


async def test_an_export_holds_the_files(tmp_path: Path, stored_in: str) -> None:
    """Their bytes, not only their names; and nobody else's, whatever the customer writes."""
    async with gateway_in(tmp_path) as gw:
        digests = {}
        for name in ("ana", "ben"):
            file = File(name="x.txt", media_type="text/plain", data=f"file of {name}".encode())
            kept = await gw.services.files.keep(file)
            digests[name] = kept.digest
            text = f"see {digests['ana']}"
            await gw.customer("fake", name).say(text, attachments=(kept,))
        exported: Any = await gw.gateway.customer_data.export(BEN)
        [content] = exported["files"]
        assert base64.b64decode(content["content"]) == b"file of ben"
        await gw.gateway.customer_data.erase(BEN)
        with pytest.raises(NotFound):
            await gw.services.files.open(digests["ben"])
        assert await gw.services.files.open(digests["ana"]) == b"file of ana"


async def test_a_mail_with_nul_in_its_headers_is_kept(tmp_path: Path, stored_in: str) -> None:
    """Its server would not send it in another form, so only the character goes."""
    raw = (
        b"From: ana\x00@example.org\r\nTo: help@shop.example\r\nSubject: a\x00b\r\n"
        b"Message-ID: <1\x00@example.org>\r\nIn-Reply-To: <0\x00@x>\r\n\r\nhello\x00\r\n"
    )
    async with gateway_in(tmp_path, channels.email, channels={"email": MAIL}) as gw:
        email: Any = gw.gateway.registrations.channels["email"]
        await email.intake(gw.services, asyncio.Semaphore(1)).store(raw, "ana@example.org")
        await gw.settled()
        card = await gw.services.desk.card(1)
        assert card.messages[0].text.startswith("hello")


# -- copies of a customer's words ----------------------------------------------------------------

CARRIER = Address(channel="email", value="claims@carrier.example")


class FakeMailbox(FakeChannel):
    """A mailbox from which we may write to anybody."""

    def __init__(self) -> None:
        super().__init__("email", traits=Traits(attachments=True, subjects=True))

    async def first_contact(self, address: Address, *, known: bool, files: bool = False) -> Address:
        return address


async def stored(gw: RunningGateway, folder: Path, words: str) -> list[str]:
    """Where ``words`` are: the tables of the database, and the files in ``folder``."""

    def job(connection: Connection) -> list[str]:
        return [
            table.name
            for table in metadata.sorted_tables
            if any(words in str(row) for row in connection.execute(select(table)))
        ]

    found = await gw.gateway.database.read(job)
    return found + ["a file"] * (words.encode() in everything(folder))


async def is_deleted(gw: RunningGateway, conversation: int) -> bool:
    chosen = select(conversations.c.id).where(conversations.c.id == conversation)
    return await gw.gateway.database.read(lambda c: c.execute(chosen).first()) is None


async def until_deleted(gw: RunningGateway, clock: FakeClock, conversation: int) -> None:
    async def deleted() -> bool:
        await clock.advance(3600)  # the daily run pauses between its steps
        return await is_deleted(gw, conversation)

    await clock.advance(timedelta(days=5).total_seconds())
    assert await until(deleted)


async def forwarded(gw: RunningGateway) -> tuple[int, int]:
    """Ana's words and file, forwarded to the carrier and from there to its depot."""
    kept = await gw.services.files.keep(
        File(name="x.txt", media_type="text/plain", data=f"{CANARY} as a file".encode())
    )
    await gw.customer("fake", "ana").say(f"{CANARY} of ana", attachments=(kept,))
    agent, desk = gw.desk_agent("cleo").agent, gw.services.desk
    first = await desk.forward(1, agent, CARRIER.value, key="1")
    await gw.settled()
    second = await desk.forward(first.conversation, agent, "depot@carrier.example", key="2")
    await gw.settled()
    return first.conversation, second.conversation


async def test_an_erasure_reaches_what_was_forwarded_though_the_original_is_deleted(
    tmp_path: Path, stored_in: str
) -> None:
    """Retention deletes the customer's conversation first, and forgets the customer."""
    clock = FakeClock()
    days = {"conversations_days": 1}
    async with gateway_in(tmp_path, FakeMailbox(), clock=clock, retention=days) as gw:
        copies = await forwarded(gw)
        await until_deleted(gw, clock, 1)
        assert "messages" in await stored(gw, tmp_path / "var", CANARY)
        data = gw.gateway.customer_data
        exported: Any = await data.export(ANA)
        assert {row["id"] for row in exported["conversations"]} == set(copies)
        assert {row["value"] for row in exported["forwarded_words"]} == {ANA.value}
        await data.erase(ANA)
        assert await stored(gw, tmp_path / "var", CANARY) == []
        with pytest.raises(NotFound):
            await data.erase(ANA)


async def test_an_erasure_reaches_archived_copies_and_nobody_else_learns_of_them(
    tmp_path: Path, stored_in: str
) -> None:
    """What the carrier may see of its own conversation has no address of Ana."""
    clock = FakeClock()
    days = {"conversations_days": 1, "archive": str(tmp_path / "archive")}
    async with gateway_in(tmp_path, FakeMailbox(), clock=clock, retention=days) as gw:
        copies = await forwarded(gw)
        data = gw.gateway.customer_data
        exported: Any = await data.export(CARRIER)
        assert {row["value"] for row in exported["forwarded_words"]} == {CARRIER.value}
        for copy in copies:
            card = await gw.services.desk.card(copy)
            agent, epoch = gw.desk_agent("cleo").agent, card.conversation.epoch
            await gw.services.desk.resolve(copy, agent, epoch=epoch)
        await until_deleted(gw, clock, copies[-1])
        exported = await data.export(CARRIER)
        held = [row["value"] for line in exported["archived"] for row in line["forwarded_words"]]
        assert held == [CARRIER.value]
        assert CANARY in everything(tmp_path / "archive").decode()
        assert (await data.erase(ANA)).archived == 3
        assert await stored(gw, tmp_path / "archive", CANARY) == []


def mail_from(sender: str, id: str, text: str, *, to: str = "help", **headers: str) -> bytes:
    head = {"From": sender, "To": f"{to}@shop.example", "Message-ID": f"<{id}>", **headers}
    lines = [f"{name.replace('_', '-')}: {value}" for name, value in head.items()]
    return "\r\n".join([*lines, "", text, ""]).encode()


def thank(turn: Turn) -> Reply | None:
    """An answer without the customer's words: a Maildir keeps what goes to others."""
    return Reply(opener="", body=("Thank you.",)) if turn.kind == "message" else None


FORWARDS = {
    "by its thread": mail_from(
        "Cleo <cleo@office.example>",
        "f@office.example",
        f"See below.\r\n\r\n---------- Forwarded message ---------\r\n{CANARY}",
        Subject="Fwd: Lamp",
        In_Reply_To="<1@example.org>",
    ),
    "by the address in it": mail_from(
        "Cleo <cleo@office.example>",
        "f@office.example",
        "-----Weitergeleitete Nachricht-----\r\nVon: Ana <Ana@example.org>\r\n"
        f"Betreff: Lampe\r\n\r\n{CANARY}",
        Subject="WG: Lampe",
    ),
    "our answer, copied to another mailbox of ours": mail_from(
        "help@shop.example",
        "a@shop.example",
        f"Dear Ana\r\n\r\nAbout the {CANARY}",
        to="orders",
        Subject="Re: Lamp",
        In_Reply_To="<1@example.org>",
    ),
}


@pytest.mark.parametrize("raw", FORWARDS.values(), ids=FORWARDS)
async def test_an_erasure_reaches_mail_that_was_forwarded_to_us(
    tmp_path: Path, stored_in: str, raw: bytes
) -> None:
    """From a colleague's own mail program, or from one mailbox of ours to another."""
    mailboxes = {"orders": {"address": "orders@shop.example", "maildir": "mail"}}
    section = {"email": MAIL | {"mailboxes": mailboxes, "look": {"quote": False}}}
    clock = FakeClock()
    days = {"conversations_days": 1}
    async with gateway_in(
        tmp_path, channels.email, clock=clock, answer=thank, channels=section, retention=days
    ) as gw:
        main: Any = gw.gateway.registrations.channels["email"]
        orders: Any = gw.gateway.registrations.channels["email/orders"]
        asked = mail_from("Ana <ana@example.org>", "1@example.org", "My words", Subject="Lamp")
        await main.intake(gw.services, asyncio.Semaphore(1)).store(asked, "ana@example.org")
        await gw.settled()
        there = orders if b"orders@" in raw else main
        await there.intake(gw.services, asyncio.Semaphore(1)).store(raw, "cleo@office.example")
        await gw.settled()
        cleo = gw.desk_agent("cleo")
        await cleo.claim(await gw.services.desk.card(2))
        await until_deleted(gw, clock, 1)
        ana = Address(channel="email", value="ana@example.org")
        await gw.gateway.customer_data.erase(ana)
        assert await is_deleted(gw, 2)
        assert await stored(gw, tmp_path / "var", CANARY) == []


async def test_who_forwards_something_further_down_keeps_their_conversation(
    tmp_path: Path, stored_in: str
) -> None:
    """Ben asked first, and quoted Ana later: his request must not vanish with her."""
    async with gateway_in(tmp_path) as gw:
        await gw.customer("fake", "ana").say("hello")
        ben = gw.customer("fake", "ben")
        await ben.say("Where is my lamp?")
        await ben.say("She wrote: hello", forwards=("ana",))
        await gw.gateway.customer_data.erase(ANA)
        assert not await is_deleted(gw, 2)
