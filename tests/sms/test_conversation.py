"""Customers text and get answers, over real HTTP with real signatures and Twilio's SDK."""

from __future__ import annotations

from pathlib import Path

import pytest

import brand_voice
from gateway import Fact
from gateway.testing import FakeChannel, FakeHandler
from tests.conftest import until

from .conftest import ANA, PUBLIC, SmsGateway, echo, running_sms
from .fake_twilio import NUMBER, SERVICE, FakeTwilio


async def test_a_customer_is_answered(sms: SmsGateway) -> None:
    """From our number, with a status callback that carries our message id. The webhook's answer is
    empty."""
    status, body = await sms.text("When do you open?")
    assert (status, body) == (200, '<?xml version="1.0" encoding="UTF-8"?><Response />')
    [sent] = sms.twilio.sent
    assert (sent["to"], sent["from"], sent["body"]) == (ANA, NUMBER, "You said When do you open?")
    [answer] = await sms.our_messages()
    assert sent["status_callback"] == f"{PUBLIC}/channels/sms/status?message={answer.id}"
    assert (answer.status, answer.remote_id) == ("sent", sent["sid"])


async def test_a_repeated_message_sid_is_answered_once(sms: SmsGateway) -> None:
    """Each delivery of the same MessageSid gets a 200."""
    form = sms.twilio.message("hello", ANA)
    for _ in range(3):
        assert (await sms.post(form))[0] == 200
    await sms.gw.settled()
    assert (await sms.post(form))[0] == 200
    await sms.gw.settled()
    assert sms.sent_texts == ["You said hello"]


async def test_the_agent_sees_our_number_and_the_customers_origin(sms: SmsGateway) -> None:
    """They are facts of the message."""
    await sms.text("hello")
    [message] = [m for m in await sms.messages() if m.author == "customer"]
    assert Fact(name="written to", value=NUMBER) in message.facts
    assert Fact(name="number from", value="DES MOINES, US") in message.facts


async def test_answers_leave_in_order(sms: SmsGateway) -> None:
    """The order is that of the questions."""
    for number in range(6):
        await sms.post(sms.twilio.message(f"number {number}", ANA))
    await sms.gw.settled()
    assert sms.sent_texts == [f"You said number {number}" for number in range(6)]


async def test_an_agent_answers(sms: SmsGateway) -> None:
    """An agent's message is sent in the same way."""
    await sms.text("hello")
    ana = sms.gw.desk_agent("ana")
    await ana.answer(await ana.claim(await sms.gw.services.desk.card(1)), "Ana here.")
    assert sms.sent_texts == ["You said hello", "Ana here."]
    assert [m.author for m in await sms.our_messages()] == ["bot", "agent"]


async def test_a_failed_commit_is_a_503(sms: SmsGateway, monkeypatch: pytest.MonkeyPatch) -> None:
    """There is no 200 without a commit. The next delivery of the message is answered."""
    form = sms.twilio.message("important", ANA)

    async def fail(*_: object) -> None:
        raise OSError("disk full")

    with monkeypatch.context() as patch:
        patch.setattr(sms.gw.gateway.store.inbox, "accept", fail)
        assert (await sms.post(form))[0] == 503
    assert (await sms.post(form))[0] == 200
    await sms.gw.settled()
    assert sms.sent_texts == ["You said important"]


async def test_a_messaging_service_chooses_the_number(twilio: FakeTwilio, tmp_path: Path) -> None:
    """Its SID may be in `from` or in a setting of its own."""
    for section in ({"from": SERVICE}, {"from": None, "messaging_service": SERVICE}):
        folder = tmp_path / str(len(twilio.sent))
        folder.mkdir()
        async with running_sms(twilio, folder, **section) as sms:
            await sms.text("hello")
    assert [(s["messaging_service_sid"], s["from"]) for s in twilio.sent] == [(SERVICE, None)] * 2


@pytest.mark.parametrize("sender", ["AMAZON", "32665", "Deutsche Post"])
async def test_names_and_short_codes_are_not_answered(sms: SmsGateway, sender: str) -> None:
    """They belong to machines: the message is kept and shown."""
    await sms.text("Your code is 123456", sender=sender)
    assert sms.sent_texts == []
    [message] = await sms.messages()
    assert message.route is not None
    assert message.route.reasons[0].code == "automatic"


# -- segments and their price --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("section", "text", "segments", "cost"),
    [
        ({}, "short", "1", None),
        ({"price_per_segment": 0.0079}, "x" * 200, "2", "0.0158 USD"),
        ({"price_per_segment": 0.08, "currency": "EUR"}, "short", "1", "0.0800 EUR"),
        # A Messaging Service counts later: until then the voice counts.
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
    twilio: FakeTwilio,
    tmp_path: Path,
) -> None:
    """As Twilio counts, else as the voice counts by the alphabet."""
    guide = {"brand_voice": {}}
    handler = FakeHandler(lambda turn: None)
    async with running_sms(twilio, tmp_path, brand_voice, handler, core=guide, **section) as sms:
        await sms.text("hello")
        ana = sms.gw.desk_agent("ana")
        card = await ana.claim(await sms.gw.services.desk.card(1))
        before = len(twilio.sent)
        await ana.answer(card, text)
        assert sms.sent_texts[before:] == [text]
        facts = {fact.name: fact.value for fact in (await sms.our_messages())[-1].facts}
        assert facts.get("segments") == segments
        assert facts.get("estimated cost") == cost


@pytest.mark.parametrize(
    "text", ["naïve café", "שלום", "👩🏽‍🔧", "𝒳 中文", "a&b=c+d%20 \n<Response/>", "{} {{1}}"]
)
async def test_text_is_unchanged_in_both_directions(sms: SmsGateway, text: str) -> None:
    """In any script, and whatever it means in other syntaxes."""
    await sms.text(text)
    assert sms.sent_texts == [f"You said {text}"]


# -- WhatsApp ------------------------------------------------------------------------------------


async def test_whatsapp_is_its_own_channel(sms: SmsGateway) -> None:
    """The account and webhook are the same, and the address is the number without a prefix."""
    await sms.text("hello", sender=f"whatsapp:{ANA}", ProfileName="Ana B.")
    [sent] = sms.twilio.sent
    assert (sent["to"], sent["from"]) == (f"whatsapp:{ANA}", f"whatsapp:{NUMBER}")
    card = await sms.gw.services.desk.card(1)
    assert (card.conversation.address.lane, card.customer.name) == (f"whatsapp:{ANA}", "Ana B.")
    await sms.text("hello")
    assert sms.twilio.sent[1]["to"] == ANA
    assert (await sms.gw.services.desk.card(2)).conversation.address.lane == f"sms:{ANA}"


@pytest.mark.parametrize("sender", ["+15550300300", "whatsapp:+15550300300"])
async def test_whatsapp_may_have_its_own_sender(
    sender: str, twilio: FakeTwilio, tmp_path: Path
) -> None:
    """Also beside a Messaging Service for SMS."""
    async with running_sms(twilio, tmp_path, whatsapp_from=sender, **{"from": SERVICE}) as sms:
        await sms.text("hello", sender=f"whatsapp:{ANA}")
        await sms.text("hello")
        assert [(s["from"], s["messaging_service_sid"]) for s in twilio.sent] == [
            ("whatsapp:+15550300300", None),
            (None, SERVICE),
        ]


async def test_the_agent_learns_of_the_24_hour_window(sms: SmsGateway) -> None:
    """From the answer or from a later callback, with the error code and its meaning."""
    await sms.text("hello", sender=f"whatsapp:{ANA}")
    await sms.send_status("failed", ErrorCode="63016")
    [item] = await sms.queue()
    assert item.handoff.reasons[0].code == "undeliverable"
    sms.twilio.fail_next("refuse", code=63016)
    ana = sms.gw.desk_agent("ana")
    await ana.answer(await ana.claim(), "Are you there?")
    notes = [note for note in await sms.notes() if "63016" in note]
    assert len(notes) == 2
    assert all("has not written on WhatsApp for 24 hours" in note for note in notes)


async def test_a_location_becomes_text(sms: SmsGateway) -> None:
    """It was shared on WhatsApp."""
    more = {"Latitude": "52.5", "Longitude": "13.4", "Label": "Café", "Address": "Ring 1"}
    await sms.text("", sender=f"whatsapp:{ANA}", **more)
    [message] = [m for m in await sms.messages() if m.author == "customer"]
    link = "https://www.openstreetmap.org/?mlat=52.500000&mlon=13.400000#map=17/52.500000/13.400000"
    assert message.text == f"Location: Café, Ring 1 (52.500000, 13.400000) {link}"


# -- delivery statuses ---------------------------------------------------------------------------


async def test_callbacks_update_the_status(sms: SmsGateway) -> None:
    """Statuses on the way change nothing; read outranks delivered."""
    await sms.text("hello", sender=f"whatsapp:{ANA}")
    seen = []
    for status in ("queued", "sent", "delivered", "read", "delivered", "receiving"):
        assert (await sms.send_status(status))[0] == 204
        seen.append((await sms.our_messages())[0].status)
    assert seen == ["sent", "sent", "delivered", "read", "read", "read"]


async def test_a_failed_delivery_goes_to_a_person_with_its_code(sms: SmsGateway) -> None:
    """The message shows why, and a person gets the conversation once."""
    await sms.text("hello")
    for _ in range(2):
        await sms.send_status("undelivered", ErrorCode="30003")
    [answer] = await sms.our_messages()
    assert (answer.status, answer.detail) == (
        "failed",
        "Twilio 30003: the phone is off or out of reach",
    )
    [item] = await sms.queue()
    assert item.handoff.reasons[0].code == "undeliverable"
    assert sum("30003" in note for note in await sms.notes()) == 1


async def test_a_callback_without_our_id_matches_by_sid(sms: SmsGateway) -> None:
    """A Messaging Service calls the address in its console, without our id."""
    await sms.text("hello")
    form = sms.twilio.status(sms.twilio.sent[0], "delivered")
    assert (await sms.post(form, "/channels/sms/status"))[0] == 204
    assert (await sms.our_messages())[0].status == "delivered"


async def test_a_callback_for_another_number_changes_nothing(sms: SmsGateway) -> None:
    """Our id counts only with the customer's number."""
    await sms.text("hello")
    form = sms.twilio.status(sms.twilio.sent[0] | {"to": "+15550000001"}, "failed")
    path = sms.twilio.sent[0]["status_callback"].removeprefix(PUBLIC)
    assert (await sms.post(form, path))[0] == 204
    assert (await sms.our_messages())[0].status == "sent"


async def test_a_callback_without_a_status_is_a_400(sms: SmsGateway) -> None:
    """It needs MessageSid, MessageStatus and To."""
    assert (await sms.post({"AccountSid": "AC1"}, "/channels/sms/status"))[0] == 400


async def test_other_channels_do_not_send_through_twilio(
    twilio: FakeTwilio, tmp_path: Path
) -> None:
    """A message of another channel leaves through that channel only."""
    fake = FakeChannel()
    async with running_sms(twilio, tmp_path, fake, FakeHandler(echo)) as sms:
        await sms.gw.customer("fake", ANA).say("hello")
        await until(lambda: fake.sent)
        assert twilio.sent == []
