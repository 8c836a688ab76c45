"""What is held on a customer can be shown whole, and forgotten whole."""

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
    """A conversation with everything in it: file, draft, note, answer, resolved."""
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


async def test_an_export_holds_everything(tmp_path: Path) -> None:
    """Each table that names the customer is in it."""
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


async def test_what_had_changed_last_stood_last_in_an_export(tmp_path: Path) -> None:
    """PostgreSQL gives rows in the order in which they lie; an export has them as they were
    written."""
    async with running(FakeChannel(), FakeHandler(unhelpful), tmp_path=tmp_path) as gw:
        await a_case(gw)
        first = update(messages).where(messages.c.id == 1).values(status="read")
        assert await gw.gateway.database.write(lambda c: c.execute(first).rowcount) == 1
        # It reads so small a table from its beginning, once it knows how small it is.
        await gw.gateway.database.write(lambda c: c.execute(text("ANALYZE messages")).close())
        held = await gw.gateway.store.customers.export(
            Address(channel="fake", value="carla@example.org")
        )
        assert isinstance(held, dict)
        ids = [one["id"] for one in held["messages"]]
        assert len(ids) > 2
        assert ids == sorted(ids)


async def test_an_erased_customer_leaves_no_trace(tmp_path: Path) -> None:
    """No word is left in any file of the data folder, the write-ahead log included; others'
    conversations stay."""
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


async def test_a_shared_file_stays_while_somebody_has_it(tmp_path: Path) -> None:
    """Files are kept once by content; erasing one owner leaves the other's."""
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


async def test_receipts_never_go_back(tmp_path: Path) -> None:
    """``delivered`` after ``read`` changes nothing; a failure is kept with its reason."""
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


async def test_nobody_marks_anothers_messages(tmp_path: Path) -> None:
    """A mailbox channel's receipt counts only for its own customer's messages."""
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
    """Says who it takes the customer for."""
    if turn.kind != "message":
        return None
    return Reply(opener="", body=(f"You are {turn.customer.ref or 'unknown'}.",))


async def test_who_logs_in_later_is_known_from_then_on(tmp_path: Path) -> None:
    """An anonymous visitor proves who they are: the conversation goes on and is theirs; the next
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
    """Names of the data files that hold one of ``words``, or are named by it."""
    return [
        path.name
        for path in (folder / "var").rglob("*")
        if path.is_file() and any(word.encode() in path.read_bytes() for word in words)
    ]


async def test_what_was_moved_by_a_link_is_erased_with_it(tmp_path: Path) -> None:
    """The customer that an address was before, and its name, do not stay behind."""
    async with running(FakeChannel(), FakeHandler(unhelpful), tmp_path=tmp_path) as gw:
        await gw.customer("fake", "carla").say("hello")
        await gw.customer("fake", "phone").say("hello", name=SECRET)
        phone = Address(channel="fake", value="phone")
        await gw.services.desk.link(1, phone, ANA)
        await gw.gateway.store.customers.erase(Address(channel="fake", value="carla"))
        assert traces(tmp_path, SECRET) == []


async def test_what_others_say_of_an_erased_address_goes_too(tmp_path: Path) -> None:
    """Links that were taken back, codes, and the lines that agents read of them."""
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
        await customers.erase(mine)
        assert traces(tmp_path, SECRET) == []
        lines = [m.text for m in (await gw.services.desk.card(1)).messages if m.internal]
        assert "Ana linked an erased address" in lines


async def test_what_somebody_began_before_they_said_who_they_are_is_theirs(tmp_path: Path) -> None:
    """All of it is exported and erased, not only the conversation in which they said it."""
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
        await customers.erase(page.address)
        assert traces(tmp_path, SECRET) == []


async def test_nobody_is_shown_what_another_said_at_a_shared_address(tmp_path: Path) -> None:
    """The first to use a computer gets their own words exported, not the next one's; nor are
    those erased with them."""
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
        await customers.erase(Address(channel="fake", value="other"))
        assert traces(tmp_path, SECRET) == []
        assert await customers.export(page.address)


async def test_a_file_that_waits_in_anothers_message_is_not_erased(tmp_path: Path) -> None:
    """It is named by nobody but the inbox yet."""
    async with running(FakeChannel(), FakeHandler(unhelpful), tmp_path=tmp_path) as gw:
        kept = await gw.services.files.keep(
            File(name="terms.pdf", media_type="application/pdf", data=b"terms")
        )
        await gw.customer("fake", "carla").say("see this", attachments=(kept,))
        gw.gateway.incoming._stopping = True  # nothing is handled from now on
        await gw.customer("fake", "dora").write("see this", attachments=(kept,))
        _, files = await gw.gateway.store.customers.erase(Address(channel="fake", value="carla"))
        assert files == ()
        gw.gateway.incoming._stopping = False


async def test_an_error_of_the_database_quotes_nobody(tmp_path: Path) -> None:
    """It is logged with its statement, and without the values."""
    async with running(FakeChannel(), FakeHandler(unhelpful), tmp_path=tmp_path) as gw:
        broken = insert(messages).values(conversation_id=4711, text=SECRET)
        with pytest.raises(IntegrityError) as raised:
            await gw.gateway.database.write(lambda c: c.execute(broken).rowcount)
        assert SECRET not in str(raised.value)
