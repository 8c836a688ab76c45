"""What comes with a message on WhatsApp, and templates outside the service window."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from gateway import Message
from gateway.testing import FakeClock

from .conftest import ANA, SmsGateway, running_sms
from .fake_twilio import FakeTwilio

WA = f"whatsapp:{ANA}"
EN, DE = "HX" + "1" * 32, "HX" + "2" * 32
VCARD = b"BEGIN:VCARD\nVERSION:3.0\nFN:Bo Weaver\nTEL;waid=15550100:+1 555 0100\nEND:VCARD\n"


async def received(sms: SmsGateway, text: str, sender: str = WA, **form: str) -> Message:
    """The customer's message with this form, as stored."""
    await sms.text(text, sender=sender, **form)
    return [m for m in await sms.messages() if m.author == "customer"][-1]


def facts(message: Message) -> dict[str, str]:
    return {fact.name: fact.value for fact in message.facts}


@pytest.mark.parametrize(
    ("form", "text", "pressed", "button"),
    [
        (
            {"Body": "Yes, please", "ButtonText": "Yes, please", "ButtonPayload": "confirm_4711",
             "MessageType": "button"},
            "Yes, please", "Yes, please", "confirm_4711",
        ),
        ({"ButtonText": "Ja", "ButtonPayload": "yes", "MessageType": "button"}, "Ja", "Ja", "yes"),
        (
            {"Body": "Size L", "ListId": "size_l", "ListTitle": "Size L"},
            "Size L", "Size L", "size_l",
        ),
    ],
)  # fmt: skip
async def test_a_pressed_button_is_words_and_keeps_its_payload(
    sms: SmsGateway, form: dict[str, str], text: str, pressed: str, button: str
) -> None:
    """Of a template, or of a list."""
    message = await received(sms, **({"text": form.get("Body", "")} | form))
    assert sms.sent_texts == [f"You said {text}"]
    assert (message.text, facts(message)["pressed"], facts(message)["button"]) == (
        text,
        pressed,
        button,
    )


async def test_the_agent_sees_the_advertisement(sms: SmsGateway) -> None:
    """Click-to-WhatsApp."""
    form = {
        "ReferralHeadline": "Blankets, 20 % off",
        "ReferralBody": "Only this week",
        "ReferralSourceType": "ad",
        "ReferralSourceId": "120210000000000001",
        "ReferralSourceUrl": "https://fb.me/blankets",
        "ReferralCtwaClid": "ARAbc123",
    }
    found = facts(await received(sms, "Is this still on?", **form))
    assert found["came from"] == "Blankets, 20 % off: Only this week"
    assert found["came from page"] == "https://fb.me/blankets"
    assert (found["came from source"], found["click id"]) == ("ad 120210000000000001", "ARAbc123")


async def test_the_agent_sees_what_was_replied_to(sms: SmsGateway) -> None:
    """Its words, where it is a message that we know."""
    await sms.text("hello", sender=WA)
    sid = sms.twilio.sent[0]["sid"]
    message = await received(sms, "this one", OriginalRepliedMessageSid=sid)
    assert facts(message)["in reply to"] == "You said hello"
    unknown = await received(sms, "and this", OriginalRepliedMessageSid="SM" + "0" * 32)
    assert facts(unknown)["in reply to"] == "SM" + "0" * 32


@pytest.mark.parametrize(
    ("media_type", "data", "form", "text"),
    [
        ("audio/ogg", b"OggS", {"MessageType": "audio"}, ""),
        ("image/jpeg", b"\xff\xd8", {"MessageType": "image"}, ""),
        ("image/webp", b"RIFF", {"MessageType": "sticker"}, ""),
        ("application/pdf", b"%PDF", {"MessageType": "document", "Body": "bill 4711.pdf"}, ""),
        ("text/vcard", VCARD, {"MessageType": "contacts", "Body": "Bo"},
         "Contact: Bo Weaver, +1 555 0100"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("sender", [WA, ANA, f"rcs:{ANA}"])
async def test_what_has_no_words_goes_to_a_person(
    sms: SmsGateway, sender: str, *, media_type: str, data: bytes, form: dict[str, str], text: str
) -> None:
    """With the file; of a contact card with the name and number on it."""
    url = sms.twilio.keep(media_type, data)
    more = {"NumMedia": "1", "MediaUrl0": url, "MediaContentType0": media_type, **form}
    message = await received(sms, form.get("Body", ""), sender, **more)
    [item] = await sms.queue()
    assert [reason.code for reason in item.handoff.reasons] == ["no_words"]
    assert message.text == text
    [file] = message.attachments
    assert await sms.gw.services.files.open(file.digest) == data


async def test_a_recording_that_cannot_be_fetched_goes_to_a_person_too(sms: SmsGateway) -> None:
    """They see what is missing."""
    more = {"NumMedia": "1", "MediaContentType0": "audio/ogg", "MediaUrl0": "https://x.example/a"}
    await received(sms, "", **more)
    [item] = await sms.queue()
    assert [reason.code for reason in item.handoff.reasons] == ["no_words"]


async def test_a_caption_is_words(sms: SmsGateway) -> None:
    """The bot answers it."""
    url = sms.twilio.keep("image/jpeg", b"\xff\xd8")
    more = {"NumMedia": "1", "MediaUrl0": url, "MediaContentType0": "image/jpeg"}
    await received(sms, "Is this the right one?", MessageType="image", **more)
    assert sms.sent_texts == ["You said Is this the right one?"]


# -- outside the service window ------------------------------------------------------------------


def sent(twilio: FakeTwilio) -> list[tuple[str | None, str]]:
    return [(record["template"], record["body"]) for record in twilio.sent]


async def answer(sms: SmsGateway, text: str, **more: Any) -> None:
    ana = sms.gw.desk_agent("ana")
    card = await sms.gw.services.desk.card(1)
    if card.conversation.owner is None:
        card = await ana.claim(card)
    await ana.answer(card, text, **more)


@pytest.mark.parametrize(("hours", "template"), [(23, None), (24, EN), (80, EN)])
async def test_after_24_hours_a_message_goes_in_a_template(
    hours: int, template: str | None, twilio: FakeTwilio, tmp_path: Path
) -> None:
    """On one line, and the agent sees it. Within the window it goes as it is."""
    twilio.templates = {EN: "Our team has an answer for you: {{1}}"}
    clock = FakeClock()
    async with running_sms(twilio, tmp_path, clock=clock, whatsapp_templates={"en": EN}) as sms:
        await sms.text("hello", sender=WA)
        await sms.gw.pass_time(hours * 3600)
        await answer(sms, "Your parcel is here.\n\nAna")
        body = "Our team has an answer for you: Your parcel is here. Ana"
        assert sent(twilio)[-1] == (template, body if template else "Your parcel is here.\n\nAna")
        last = (await sms.our_messages())[-1]
        assert last.status == "sent"
        assert ("sent as" in facts(last)) is bool(template)


async def test_a_template_follows_a_refusal(twilio: FakeTwilio, tmp_path: Path) -> None:
    """Twilio may know better than we when the window ended."""
    twilio.templates = {EN: "{{1}}"}
    async with running_sms(twilio, tmp_path, whatsapp_templates={"en": EN}) as sms:
        twilio.refusals[ANA] = (400, 63016)
        await sms.text("hello", sender=WA)
        assert sent(twilio) == [(EN, "You said hello")]
        assert await sms.queue() == ()


async def test_a_template_follows_a_late_refusal_once(twilio: FakeTwilio, tmp_path: Path) -> None:
    """Twilio takes the message, and WhatsApp refuses it afterwards."""
    twilio.templates = {EN: "{{1}}", DE: "{{1}}"}
    templates = {"de": DE, "en": EN}
    async with running_sms(twilio, tmp_path, whatsapp_templates=templates) as sms:
        await sms.text("hello", sender=WA)
        for _ in range(2):
            assert (await sms.send_status("failed", 0, ErrorCode="63016"))[0] == 204
        assert sent(twilio) == [(None, "You said hello"), (EN, "You said hello")]
        assert await sms.queue() == ()
        await sms.send_status("read", 1)
        assert (await sms.our_messages())[0].status == "read"
        await sms.send_status("failed", 1, ErrorCode="63016")
        assert len(twilio.sent) == 2


async def test_what_fits_no_template_tells_the_agent(twilio: FakeTwilio, tmp_path: Path) -> None:
    """A text that is too long for one."""
    twilio.templates = {EN: "{{1}}"}
    async with running_sms(twilio, tmp_path, whatsapp_templates={"en": EN}) as sms:
        await sms.text("hello", sender=WA)
        twilio.refusals[ANA] = (400, 63016)
        await answer(sms, "x" * 1100)
        assert any("63016" in note for note in await sms.notes())
        assert len(twilio.sent) == 1
