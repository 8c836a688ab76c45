"""Customers write and are answered, over real HTTP, real signatures and Twilio's SDK."""

from __future__ import annotations

from pathlib import Path

import pytest

import brand_voice
from gateway import Fact
from gateway.testing import FakeChannel, FakeHandler
from tests.conftest import until

from .conftest import ANA, PUBLIC, Line, echo, texting
from .server import NUMBER, SERVICE, Twilio


async def test_a_customer_is_answered(line: Line) -> None:
    """From our number, with a callback that brings our own id back; the webhook gets no words."""
    status, body = await line.text("When do you open?")
    assert (status, body) == (200, '<?xml version="1.0" encoding="UTF-8"?><Response />')
    [sent] = line.twilio.sent
    assert (sent["to"], sent["from"], sent["body"]) == (ANA, NUMBER, "You said When do you open?")
    [answer] = await line.ours()
    assert sent["status_callback"] == f"{PUBLIC}/channels/sms/status?message={answer.id}"
    assert (answer.status, answer.remote_id) == ("sent", sent["sid"])


async def test_twilio_may_tell_it_again(line: Line) -> None:
    """The same MessageSid is answered once; each delivery gets its OK."""
    form = line.twilio.message("hello", ANA)
    for _ in range(3):
        assert (await line.post(form))[0] == 200
    await line.gw.settled()
    assert (await line.post(form))[0] == 200
    await line.gw.settled()
    assert line.heard == ["You said hello"]


async def test_what_the_agent_sees_besides(line: Line) -> None:
    """Which number was written to, and where the customer's is from."""
    await line.text("hello")
    [said] = [m for m in await line.messages() if m.author == "customer"]
    assert Fact(name="written to", value=NUMBER) in said.facts
    assert Fact(name="number from", value="DES MOINES, US") in said.facts


async def test_order_holds(line: Line) -> None:
    """Answers leave in the order of the questions."""
    for number in range(6):
        await line.post(line.twilio.message(f"number {number}", ANA))
    await line.gw.settled()
    assert line.heard == [f"You said number {number}" for number in range(6)]


async def test_a_person_answers(line: Line) -> None:
    """What an agent writes takes the same way."""
    await line.text("hello")
    ana = line.gw.desk_agent("ana")
    await ana.answer(await ana.claim(await line.gw.services.desk.card(1)), "Ana here.")
    assert line.heard == ["You said hello", "Ana here."]
    assert [m.author for m in await line.ours()] == ["bot", "agent"]


async def test_a_failed_commit_is_told_to_twilio(
    line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No OK without a commit; the next delivery of the same message is answered."""
    form = line.twilio.message("important", ANA)

    async def broken(*_: object) -> None:
        raise OSError("disk full")

    with monkeypatch.context() as patch:
        patch.setattr(line.gw.gateway.store.inbox, "accept", broken)
        assert (await line.post(form))[0] == 503
    assert (await line.post(form))[0] == 200
    await line.gw.settled()
    assert line.heard == ["You said important"]


async def test_a_messaging_service_chooses_the_number(twilio: Twilio, tmp_path: Path) -> None:
    """Its SID may stand where the number stands, or by itself."""
    for section in ({"from": SERVICE}, {"from": None, "messaging_service": SERVICE}):
        folder = tmp_path / str(len(twilio.sent))
        folder.mkdir()
        async with texting(twilio, folder, **section) as line:
            await line.text("hello")
    assert [(s["messaging_service_sid"], s["from"]) for s in twilio.sent] == [(SERVICE, None)] * 2


@pytest.mark.parametrize("sender", ["AMAZON", "32665", "Deutsche Post"])
async def test_a_machine_is_not_answered(line: Line, sender: str) -> None:
    """A name or a short code is no person's phone: kept, shown, left alone."""
    await line.text("Your code is 123456", sender=sender)
    assert line.heard == []
    [said] = await line.messages()
    assert said.route is not None
    assert said.route.reasons[0].code == "automatic"


# -- segments and their price --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("section", "text", "segments", "cost"),
    [
        ({}, "short", "1", None),
        ({"price_per_segment": 0.0079}, "x" * 200, "2", "0.0158 USD"),
        ({"price_per_segment": 0.08, "currency": "EUR"}, "short", "1", "0.0800 EUR"),
        # A Messaging Service counts later: the voice does, by the alphabet that is needed.
        ({"from": SERVICE, "price_per_segment": 0.01}, "ж" * 71, "2", "0.0200 USD"),
        ({"from": SERVICE}, "€" * 60, "1", None),
    ],
)
async def test_segments_and_price_are_recorded(
    section: dict[str, object],
    text: str,
    segments: str,
    cost: str | None,
    *,
    twilio: Twilio,
    tmp_path: Path,
) -> None:
    """With the message, as Twilio counts or the alphabet tells."""
    guide = {"brand_voice": {}}
    handler = FakeHandler(lambda turn: None)
    async with texting(twilio, tmp_path, brand_voice, handler, core=guide, **section) as line:
        await line.text("hello")
        ana = line.gw.desk_agent("ana")
        card = await ana.claim(await line.gw.services.desk.card(1))
        before = len(twilio.sent)
        await ana.answer(card, text)
        assert line.heard[before:] == [text]
        told = {fact.name: fact.value for fact in (await line.ours())[-1].facts}
        assert told.get("segments") == segments
        assert told.get("estimated cost") == cost


@pytest.mark.parametrize(
    "text", ["naïve café", "שלום", "👩🏽‍🔧", "𝒳 中文", "a&b=c+d%20 \n<Response/>", "{} {{1}}"]
)
async def test_every_script_comes_in_and_goes_out(line: Line, text: str) -> None:
    """As it is, whatever it means elsewhere."""
    await line.text(text)
    assert line.heard == [f"You said {text}"]


# -- WhatsApp ------------------------------------------------------------------------------------


async def test_whatsapp_is_a_channel_of_its_own(line: Line) -> None:
    """Same account, same door, another name; its address is the bare number."""
    await line.text("hello", sender=f"whatsapp:{ANA}", ProfileName="Ana B.")
    [sent] = line.twilio.sent
    assert (sent["to"], sent["from"]) == (f"whatsapp:{ANA}", f"whatsapp:{NUMBER}")
    card = await line.gw.services.desk.card(1)
    assert (card.conversation.address.lane, card.customer.name) == (f"whatsapp:{ANA}", "Ana B.")
    await line.text("hello")
    assert line.twilio.sent[1]["to"] == ANA
    assert (await line.gw.services.desk.card(2)).conversation.address.lane == f"sms:{ANA}"


@pytest.mark.parametrize("sender", ["+15550300300", "whatsapp:+15550300300"])
async def test_whatsapp_may_have_a_sender_of_its_own(
    sender: str, twilio: Twilio, tmp_path: Path
) -> None:
    """Beside a Messaging Service for SMS too."""
    async with texting(twilio, tmp_path, whatsapp_from=sender, **{"from": SERVICE}) as line:
        await line.text("hello", sender=f"whatsapp:{ANA}")
        await line.text("hello")
        assert [(s["from"], s["messaging_service_sid"]) for s in twilio.sent] == [
            ("whatsapp:+15550300300", None),
            (None, SERVICE),
        ]


async def test_outside_the_24_hours_the_agent_is_told(line: Line) -> None:
    """At once or later by the callback: in words, with the code."""
    await line.text("hello", sender=f"whatsapp:{ANA}")
    await line.tell("failed", ErrorCode="63016")
    [item] = await line.queue()
    assert item.handoff.reasons[0].code == "undeliverable"
    line.twilio.next("refuse", code=63016)
    ana = line.gw.desk_agent("ana")
    await ana.answer(await ana.claim(), "Are you there?")
    notes = [note for note in await line.notes() if "63016" in note]
    assert len(notes) == 2
    assert all("has not written on WhatsApp for 24 hours" in note for note in notes)


async def test_a_place_is_read(line: Line) -> None:
    """A location that was shared on WhatsApp comes as words."""
    more = {"Latitude": "52.5", "Longitude": "13.4", "Label": "Café", "Address": "Ring 1"}
    await line.text("", sender=f"whatsapp:{ANA}", **more)
    [said] = [m for m in await line.messages() if m.author == "customer"]
    assert said.text == "Café, Ring 1 (52.5, 13.4)"


# -- what became of it ---------------------------------------------------------------------------


async def test_the_callback_moves_the_message(line: Line) -> None:
    """What is on its way changes nothing, delivered does, and read is more than delivered."""
    await line.text("hello", sender=f"whatsapp:{ANA}")
    seen = []
    for status in ("queued", "sent", "delivered", "read", "delivered", "receiving"):
        assert (await line.tell(status))[0] == 204
        seen.append((await line.ours())[0].status)
    assert seen == ["sent", "sent", "delivered", "read", "read", "read"]


async def test_a_failure_is_told_with_its_code(line: Line) -> None:
    """The message shows why, and a person gets the conversation; once."""
    await line.text("hello")
    for _ in range(2):
        await line.tell("undelivered", ErrorCode="30003")
    [answer] = await line.ours()
    assert (answer.status, answer.detail) == (
        "failed",
        "Twilio 30003: the phone is off or out of reach",
    )
    [item] = await line.queue()
    assert item.handoff.reasons[0].code == "undeliverable"
    assert sum("30003" in note for note in await line.notes()) == 1


async def test_a_callback_without_our_id_is_known_by_twilios(line: Line) -> None:
    """As for a Messaging Service whose console names the address."""
    await line.text("hello")
    form = line.twilio.status(line.twilio.sent[0], "delivered")
    assert (await line.post(form, "/channels/sms/status"))[0] == 204
    assert (await line.ours())[0].status == "delivered"


async def test_a_callback_for_somebody_else_changes_nothing(line: Line) -> None:
    """Our id counts only together with the customer's number."""
    await line.text("hello")
    form = line.twilio.status(line.twilio.sent[0] | {"to": "+15550000001"}, "failed")
    path = line.twilio.sent[0]["status_callback"].removeprefix(PUBLIC)
    assert (await line.post(form, path))[0] == 204
    assert (await line.ours())[0].status == "sent"


async def test_a_callback_that_says_nothing_is_400(line: Line) -> None:
    """It is counted among the refused requests."""
    assert (await line.post({"AccountSid": "AC1"}, "/channels/sms/status"))[0] == 400


async def test_another_channel_is_not_concerned(twilio: Twilio, tmp_path: Path) -> None:
    """Its messages leave by it alone."""
    fake = FakeChannel()
    async with texting(twilio, tmp_path, fake, FakeHandler(echo)) as line:
        await line.gw.customer("fake", ANA).say("hello")
        await until(lambda: fake.sent)
        assert twilio.sent == []
