"""Receipts, export and erasure of one customer's data."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from sqlalchemy import insert, text, update
from sqlalchemy.exc import IntegrityError

from gateway import Address, Agent, File, NotFound, Receipt, Reply, Traits, Turn
from gateway.adapters.sql.schema import messages
from gateway.testing import FakeChannel, FakeClock, FakeHandler, RunningGateway, running

SECRET = "zanzibar4711"
ANA = Agent(id="desk:ana", name="Ana")


def unhelpful(turn: Turn) -> Reply | None:
    return None


async def a_case(gw: RunningGateway) -> int:
    """A resolved conversation with a file, a note and an answer; return its id."""
    carla = gw.customer("fake", "carla@example.org")
    kept = await gw.services.files.keep(
        File(name="photo.png", media_type="image/png", data=SECRET.encode() * 10)
    )
    await carla.say(f"my name is {SECRET}", remote_id=f"r-{SECRET}", attachments=(kept,))
    *_, item = await gw.services.desk.queue()
    id, epoch = item.conversation.id, item.conversation.epoch
    await gw.services.desk.claim(id, ANA, epoch=epoch)
    await gw.services.desk.note(id, ANA, f"knows about {SECRET}")
    await gw.services.desk.answer(id, ANA, f"Dear {SECRET}, it is done.", key="k")
    await gw.settled()
    await gw.services.desk.resolve(id, ANA, epoch=epoch + 1)
    await gw.settled()
    return id


async def test_an_export_is_complete(tmp_path: Path) -> None:
    """It has every table that names the customer."""
    async with running(FakeChannel(), FakeHandler(unhelpful), tmp_path=tmp_path) as gw:
        await a_case(gw)
        held = await gw.gateway.store.customers.export(
            Address(channel="fake", value="carla@example.org")
        )
        assert isinstance(held, dict)
        assert len(held["conversations"]) == 1
        assert len(held["attachments"]) == 1
        texts = json.dumps(held["messages"])
        assert f"my name is {SECRET}" in texts
        assert f"knows about {SECRET}" in texts
        assert held["handoffs"]
        assert held["inbox"]
        assert held["outbox"]


async def test_an_export_keeps_the_order_of_writing(tmp_path: Path) -> None:
    """PostgreSQL returns rows in their physical order, in which a changed row comes last."""
    async with running(FakeChannel(), FakeHandler(unhelpful), tmp_path=tmp_path) as gw:
        await a_case(gw)
        first = update(messages).where(messages.c.id == 1).values(status="read")
        assert await gw.gateway.database.write(lambda c: c.execute(first).rowcount) == 1
        # Once PostgreSQL knows how small the table is, it scans it from its beginning.
        await gw.gateway.database.write(lambda c: c.execute(text("ANALYZE messages")).close())
        held = await gw.gateway.store.customers.export(
            Address(channel="fake", value="carla@example.org")
        )
        assert isinstance(held, dict)
        ids = [one["id"] for one in held["messages"]]
        assert len(ids) > 2
        assert ids == sorted(ids)


async def test_an_erased_customer_leaves_no_trace(tmp_path: Path) -> None:
    """No text is left in any file of the data folder, not even in the write-ahead log. Other
    customers' conversations stay."""
    async with running(FakeChannel(), FakeHandler(unhelpful), tmp_path=tmp_path) as gw:
        await gw.customer("fake", "dora").say("something else")
        await a_case(gw)
        customers = gw.gateway.store.customers
        rows, files = await customers.erase(Address(channel="fake", value="carla@example.org"))
        await gw.gateway.files.forget(files)
        assert rows > 5
        assert len(files) == 1
        with pytest.raises(NotFound):
            await customers.export(Address(channel="fake", value="carla@example.org"))
        traces = [
            path.name
            for path in (tmp_path / "var").rglob("*")
            if path.is_file() and (SECRET.encode() in path.read_bytes()
                                   or b"carla@example.org" in path.read_bytes())
        ]  # fmt: skip
        assert traces == []
        assert await customers.export(Address(channel="fake", value="dora"))


async def test_a_shared_file_stays_until_its_last_owner_is_erased(tmp_path: Path) -> None:
    """Equal files are stored once."""
    async with running(FakeChannel(), FakeHandler(unhelpful), tmp_path=tmp_path) as gw:
        kept = await gw.services.files.keep(
            File(name="terms.pdf", media_type="application/pdf", data=b"terms")
        )
        for name in ("carla", "dora"):
            await gw.customer("fake", name).say("see this", attachments=(kept,))
        customers = gw.gateway.store.customers
        _, files = await customers.erase(Address(channel="fake", value="carla"))
        assert files == ()
        _, files = await customers.erase(Address(channel="fake", value="dora"))
        assert files == (kept.digest,)


async def test_a_late_receipt_changes_nothing(tmp_path: Path) -> None:
    """``delivered`` after ``read``."""
    fake = FakeChannel()
    hello = FakeHandler(lambda turn: Reply(body=("Hello.",)) if turn.kind == "message" else None)
    async with running(fake, hello, tmp_path=tmp_path) as gw:
        carla = gw.customer("fake", "carla")
        await carla.say("hi")
        [message] = await carla.messages()
        assert message.status == "sent"
        for status in ("read", "delivered"):
            await gw.services.intake.report(
                Receipt(
                    channel="fake",
                    ids=(f"fake-{fake.sent[0].key}",),
                    status=status,
                    at=gw.clock.now(),
                )
            )
        assert [m.status for m in await carla.messages()] == ["read"]


async def test_a_receipt_changes_only_its_own_customers_messages(tmp_path: Path) -> None:
    """On a mailbox channel, whose receipts name our own ids."""
    fake = FakeChannel(traits=Traits(mailbox=True))
    hello = FakeHandler(lambda turn: Reply(body=("Hello.",)) if turn.kind == "message" else None)
    async with running(fake, hello, tmp_path=tmp_path) as gw:
        carla = gw.customer("fake", "carla")
        await carla.say("hi")
        [message] = await carla.messages()
        for who, status in (("eve", "sent"), ("carla", "read")):
            await gw.services.intake.report(
                Receipt(
                    channel="fake",
                    ids=(str(message.id), "no number"),
                    status="read",
                    at=gw.clock.now(),
                    address=Address(channel="fake", value=who),
                )
            )
            assert [m.status for m in await carla.messages()] == [status]


def known(turn: Turn) -> Reply | None:
    """Answers with the customer's reference."""
    if turn.kind != "message":
        return None
    return Reply(opener="", body=(f"You are {turn.customer.ref or 'unknown'}.",))


async def test_a_customer_who_logs_in_later_keeps_the_conversation(tmp_path: Path) -> None:
    """An anonymous visitor proves who they are: the conversation continues and is theirs. The next
    person on that computer gets a conversation of their own."""
    easy = tmp_path / "policy.yaml"
    easy.write_text("reasons: {low_confidence: {enabled: false}}\n", "utf-8")
    config = {"policy": str(easy)}
    fake = FakeChannel(traits=Traits(mailbox=True))
    async with running(fake, FakeHandler(known), config=config, tmp_path=tmp_path) as gw:
        page = gw.customer("fake", "session1")
        await page.say("hello")
        await page.say("now I am logged in", ref="c1")
        await page.say("still here", ref="c1")
        await page.say("I use the same computer", ref="c2")
        assert page.heard == [
            "You are unknown.",
            "You are c1.",
            "You are c1.",
            "You are c2.",
        ]
        conversations = [m.conversation for m in await page.messages()]
        assert conversations[0] == conversations[1] == conversations[2] != conversations[3]
        elsewhere = gw.customer("fake", "session2")
        await elsewhere.say("me again", ref="c1")
        earlier = await gw.gateway.store.queries.earlier(1)
        assert {one.id for one in earlier} >= {conversations[0]}
        assert len(earlier) == 2


def traces(folder: Path, *words: str) -> list[str]:
    """The names of the data files that contain one of ``words``."""
    return [
        path.name
        for path in (folder / "var").rglob("*")
        if path.is_file() and any(word.encode() in path.read_bytes() for word in words)
    ]


async def test_an_erasure_includes_linked_addresses(tmp_path: Path) -> None:
    """Also the customer, and the name, that the address had before the link."""
    async with running(FakeChannel(), FakeHandler(unhelpful), tmp_path=tmp_path) as gw:
        await gw.customer("fake", "carla").say("hello")
        await gw.customer("fake", "phone").say("hello", name=SECRET)
        phone = Address(channel="fake", value="phone")
        await gw.services.desk.link(1, phone, ANA)
        await gw.gateway.customer_data.erase(Address(channel="fake", value="carla"))
        assert traces(tmp_path, SECRET) == []


async def test_an_erasure_includes_mentions_at_other_customers(tmp_path: Path) -> None:
    """Undone links, codes, and the system lines about them."""
    mine = Address(channel="fake", value=f"{SECRET}@example.org")
    async with running(FakeChannel(), FakeHandler(unhelpful), tmp_path=tmp_path) as gw:
        dora = gw.customer("fake", "dora")
        await dora.say("hello")
        await gw.customer("fake", mine.value).say("hello")
        card = await gw.services.desk.link(1, mine, ANA)
        await gw.services.desk.unlink(1, card.linked[0].id, ANA)
        await gw.services.desk.ask_proof(1, mine, ANA)
        await gw.settled()
        customers = gw.gateway.store.customers
        held = await customers.export(dora.address)
        assert isinstance(held, dict)
        assert held["codes"]
        await gw.gateway.customer_data.erase(mine)
        assert traces(tmp_path, SECRET) == []
        lines = [m.text for m in (await gw.services.desk.card(1)).messages if m.internal]
        assert "Ana linked an erased address" in lines


async def test_anonymous_conversations_belong_to_the_customer_who_logs_in(tmp_path: Path) -> None:
    """All of them are exported and erased, not only the one in which they logged in."""
    clock, fake = FakeClock(), FakeChannel(traits=Traits(mailbox=True))
    async with running(fake, FakeHandler(unhelpful), clock=clock, tmp_path=tmp_path) as gw:
        await gw.customer("fake", "phone").say("it is me", ref="c1")
        page = gw.customer("fake", "page")
        await page.say(f"I am {SECRET}")
        [*_, item] = await gw.services.desk.queue()
        await gw.services.desk.resolve(item.conversation.id, ANA, epoch=item.conversation.epoch)
        await page.say("hello again")
        await page.say("it is me", ref="c1")
        customers = gw.gateway.store.customers
        held = await customers.export(page.address)
        assert isinstance(held, dict)
        assert len(held["conversations"]) == 3
        await gw.gateway.customer_data.erase(page.address)
        assert traces(tmp_path, SECRET) == []


async def test_an_export_excludes_others_at_a_shared_address(tmp_path: Path) -> None:
    """The first person at a computer gets their own messages exported and erased, not the next
    person's."""
    fake = FakeChannel(traits=Traits(mailbox=True))
    async with running(fake, FakeHandler(unhelpful), tmp_path=tmp_path) as gw:
        page = gw.customer("fake", "page")
        await page.say("mine", ref="c1")
        await page.say(SECRET, ref="c2")
        customers = gw.gateway.store.customers
        assert SECRET not in json.dumps(await customers.export(page.address))
        await gw.customer("fake", "other").say("it is me", ref="c2")
        held = await customers.export(Address(channel="fake", value="other"))
        assert isinstance(held, dict)
        assert SECRET in json.dumps(held["inbox"])
        await gw.gateway.indexer.catch_up()
        await gw.gateway.customer_data.erase(Address(channel="fake", value="other"))
        assert traces(tmp_path, SECRET) == []
        assert await customers.export(page.address)


async def test_a_file_in_a_waiting_message_is_not_erased(tmp_path: Path) -> None:
    """Only the inbox names it so far."""
    async with running(FakeChannel(), FakeHandler(unhelpful), tmp_path=tmp_path) as gw:
        kept = await gw.services.files.keep(
            File(name="terms.pdf", media_type="application/pdf", data=b"terms")
        )
        await gw.customer("fake", "carla").say("see this", attachments=(kept,))
        gw.gateway.incoming._stopping = True  # handle nothing from now on
        await gw.customer("fake", "dora").write("see this", attachments=(kept,))
        _, files = await gw.gateway.store.customers.erase(Address(channel="fake", value="carla"))
        assert files == ()
        gw.gateway.incoming._stopping = False


async def test_a_database_error_does_not_quote_a_customer(tmp_path: Path) -> None:
    """It contains the statement without its values."""
    async with running(FakeChannel(), FakeHandler(unhelpful), tmp_path=tmp_path) as gw:
        broken = insert(messages).values(conversation_id=4711, text=SECRET)
        with pytest.raises(IntegrityError) as raised:
            await gw.gateway.database.write(lambda c: c.execute(broken).rowcount)
        assert SECRET not in str(raised.value)
