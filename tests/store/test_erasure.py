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
from sqlalchemy import insert, select

import channels.email
from gateway import Address, File, Json, NotFound
from gateway.adapters.sql.schema import conversations, identities
from gateway.testing import FakeChannel, FakeClock, FakeHandler, RunningGateway, running
from tests.conftest import until
from tests.spine.conftest import echo

CANARY = "platypus in the boiler"
ANA, BEN = Address(channel="fake", value="ana"), Address(channel="fake", value="ben")


def gateway_in(folder: Path, *modules: Any, clock: Any = None, **config: Any) -> Any:
    policy = folder / "policy.yaml"
    policy.write_text("reasons: {low_confidence: {enabled: false}}", "utf-8")
    tree = {"policy": str(policy), **config}
    return running(
        FakeChannel(), *modules, FakeHandler(echo), config=tree, tmp_path=folder, clock=clock
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
