"""What is held on a customer can be shown whole, and forgotten whole."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from gateway import Address, Agent, File, NotFound, Receipt, Reply, Traits, Turn
from gateway.testing import FakeChannel, FakeHandler, Running, running

SECRET = "zanzibar4711"
ANA = Agent(id="desk:ana", name="Ana")


def unhelpful(turn: Turn) -> Reply | None:
    return None


async def a_case(gw: Running) -> int:
    """A conversation with everything in it: file, draft, note, answer, resolved."""
    carla = gw.customer("fake", "carla@example.org")
    kept = await gw.house.files.keep(
        File(name="photo.png", media_type="image/png", data=SECRET.encode() * 10)
    )
    await carla.say(f"my name is {SECRET}", remote_id=f"r-{SECRET}", attachments=(kept,))
    *_, item = await gw.house.desk.queue()
    id, epoch = item.conversation.id, item.conversation.epoch
    await gw.house.desk.claim(id, ANA, epoch=epoch)
    await gw.house.desk.note(id, ANA, f"knows about {SECRET}")
    await gw.house.desk.answer(id, ANA, f"Dear {SECRET}, it is done.", key="k")
    await gw.settled()
    await gw.house.desk.resolve(id, ANA, epoch=epoch + 1)
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
        kept = await gw.house.files.keep(
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
            await gw.house.intake.report(
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
            await gw.house.intake.report(
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
        earlier = await gw.gateway.store.reading.earlier(1)
        assert {one.id for one in earlier} >= {conversations[0]}
        assert len(earlier) == 2
