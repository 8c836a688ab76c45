"""Writing first by SMS and WhatsApp: which numbers, opt-outs, and WhatsApp's 24 hours."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway import Address, File, RefusedByChannel
from gateway.testing import FakeClock

from .conftest import ANA, SmsGateway, running_sms
from .fake_twilio import FakeTwilio

TEMPLATE = "HX" + "1" * 32
NEW = "+44 7700 900123"


async def begin(sms: SmsGateway, channel: str, number: str, key: str = "k") -> int:
    agent = sms.gw.desk_agent("ana").agent
    address = Address(channel=channel, value=number)
    begun = await sms.gw.services.desk.begin(address, agent, "Your lamp is here.", key=key)
    await sms.gw.settled()
    return begun.conversation


async def test_an_answer_comes_back_into_the_conversation(sms: SmsGateway) -> None:
    """The number is written as people write it; the customer's text reaches the agent who began."""
    id = await begin(sms, "sms", NEW)
    assert [(m["to"], m["body"]) for m in sms.twilio.sent] == [
        ("+447700900123", "Your lamp is here.")
    ]
    await sms.text("Great, thanks!", sender="+447700900123")
    card = await sms.gw.services.desk.card(id)
    assert [m.text for m in card.messages if not m.internal] == [
        "Your lamp is here.",
        "Great, thanks!",
    ]
    assert card.conversation.owner is not None
    assert len(sms.twilio.sent) == 1  # the bot is silent


async def test_a_repeated_key_begins_nothing_more(sms: SmsGateway) -> None:
    """Two clicks are one message."""
    assert await begin(sms, "sms", NEW) == await begin(sms, "sms", NEW)
    assert len(sms.twilio.sent) == 1


@pytest.mark.parametrize("number", ["07700 900123", "+1", "Carla", "+44770090012345678", ""])
async def test_what_is_no_number_is_refused(sms: SmsGateway, number: str) -> None:
    """With how to write one."""
    with pytest.raises(RefusedByChannel, match="Write it with"):
        await begin(sms, "sms", number)


async def test_who_opted_out_gets_nothing(sms: SmsGateway) -> None:
    """STOP holds for people as well."""
    await sms.text("STOP")
    with pytest.raises(RefusedByChannel, match="no more messages"):
        await begin(sms, "sms", ANA)
    assert sms.twilio.sent == []


async def test_whatsapp_needs_a_template_where_nobody_wrote(sms: SmsGateway) -> None:
    """Nor may we write freely when the last message is a day old."""
    with pytest.raises(RefusedByChannel, match="whatsapp_templates"):
        await begin(sms, "whatsapp", NEW)
    await sms.text("hello", sender=f"whatsapp:{ANA}")
    await begin(sms, "whatsapp", ANA)
    assert sms.twilio.sent[-1]["body"] == "Your lamp is here."


async def test_after_a_day_the_template_carries_the_text_but_no_file(
    twilio: FakeTwilio, tmp_path: Path
) -> None:
    """Also to somebody who never wrote."""
    twilio.templates = {TEMPLATE: "{{1}}"}
    templates = {"en": TEMPLATE}
    async with running_sms(
        twilio, tmp_path, clock=FakeClock(), whatsapp_templates=templates
    ) as sms:
        await begin(sms, "whatsapp", NEW)
        assert twilio.sent[-1]["to"] == "whatsapp:+447700900123"
        assert twilio.sent[-1]["template"] == TEMPLATE
        await sms.text("hello", sender=f"whatsapp:{ANA}")
        await sms.gw.pass_time(25 * 3600)
        kept = await sms.gw.services.files.keep(
            File(name="a.pdf", media_type="application/pdf", data=b"%PDF-1.4")
        )
        agent = sms.gw.desk_agent("ana").agent
        with pytest.raises(RefusedByChannel, match="no files"):
            await sms.gw.services.desk.begin(
                Address(channel="whatsapp", value=ANA), agent, "See", key="f", attachments=(kept,)
            )
