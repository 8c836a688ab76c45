"""Who writes: numbers, RCS, WhatsApp accounts without a number, machines; one customer in two
forms of a number."""

from __future__ import annotations

from pathlib import Path

import pytest

from channels.sms.numbers import other_form

from .conftest import ANA, SmsGateway, running_sms
from .fake_twilio import NUMBER, SERVICE, FakeTwilio

BSUID = "US.13491208655302741918"
AGENT = "rcs:lantern_loom_agent"


@pytest.mark.parametrize(
    ("section", "to", "sender"),
    [
        ({"rcs_from": AGENT}, f"rcs:{ANA}", AGENT),
        ({"from": SERVICE}, f"rcs:{ANA}", None),
        ({}, ANA, NUMBER),
    ],
)
async def test_a_customer_on_rcs_is_answered(
    section: dict[str, str], to: str, sender: str | None, *, twilio: FakeTwilio, tmp_path: Path
) -> None:
    """On RCS, where we have a sender there, else by SMS."""
    async with running_sms(twilio, tmp_path, **section) as sms:
        await sms.text("hello", sender=f"rcs:{ANA}", To=AGENT, ChannelPrefix="rcs")
        [sent] = twilio.sent
        assert (sent["to"], sent["from"], sent["body"]) == (to, sender, "You said hello")


@pytest.mark.parametrize("sender", [BSUID, "BR.ENT.11815799212886844830"[:3] + "1181579921288"])
async def test_a_whatsapp_account_without_a_number_is_a_person(
    sms: SmsGateway, sender: str
) -> None:
    """Meta's id for the business takes the number's place in From and To."""
    more = {"ExternalUserId": sender, "ProfileUsername": "@ana.b", "ProfileName": "Ana"}
    await sms.text("hello", sender=f"whatsapp:{sender}", **more)
    [sent] = sms.twilio.sent
    assert sent["to"] == f"whatsapp:{sender}"
    await sms.send_status("delivered")
    assert [m.status for m in await sms.our_messages()] == ["delivered"]
    [message] = [m for m in await sms.messages() if m.author == "customer"]
    facts = {fact.name: fact.value for fact in message.facts}
    assert facts["WhatsApp username"] == "@ana.b"
    assert facts["WhatsApp user id"] == sender


@pytest.mark.parametrize("sender", ["AMAZON", "32665", "Deutsche Post", "M&S", "H+M-2"])
async def test_alphanumeric_ids_and_short_codes_are_machines(sms: SmsGateway, sender: str) -> None:
    """Nobody reads what is sent there."""
    await sms.text("Your code is 123456", sender=sender)
    assert sms.sent_texts == []


@pytest.mark.parametrize(
    "sender", ["messenger:108", "+15550109999", "15550109999", "sip:a@b.example"]
)
async def test_every_other_sender_is_a_person(sms: SmsGateway, sender: str) -> None:
    """Nothing is left unanswered because its address looks odd."""
    await sms.text("person", sender=sender)
    [message] = [m for m in await sms.messages() if m.author == "customer"]
    assert message.route is not None
    assert "automatic" not in [reason.code for reason in message.route.reasons]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("+551187654321", "+5511987654321"),
        ("+5521998765432", "+552198765432"),
        ("+5215512345678", "+525512345678"),
        ("+525512345678", "+5215512345678"),
        ("+5491123456789", "+541123456789"),
        ("+542614567890", "+5492614567890"),
    ],
)
@pytest.mark.parametrize("prefix", ["", "whatsapp:"])
async def test_two_forms_of_one_number_are_one_customer(
    sms: SmsGateway, prefix: str, first: str, second: str
) -> None:
    """The answers go to the form from which they wrote first."""
    await sms.post(sms.twilio.message("one", prefix + first))
    await sms.text("two", sender=prefix + second)
    await sms.text("three", sender=prefix + first)
    assert {sent["to"] for sent in sms.twilio.sent} == {prefix + first}
    texts = [m.text for m in await sms.messages(1) if m.author == "customer"]
    assert texts == ["one", "two", "three"]
    await sms.send_status("delivered", To=prefix + second)
    assert (await sms.our_messages())[-1].status == "delivered"


@pytest.mark.parametrize(
    "number",
    [
        "+551123456789",  # a landline of São Paulo
        "+5511923456789",  # the mobile with a 9 before those digits belongs to somebody else
        "+15550109999",
        "+4915112345678",
        "+52551234567",
        "rcs:+551187654321",
        "AMAZON",
    ],
)
def test_other_numbers_have_one_form(number: str) -> None:
    """In Brazil a landline is not the mobile with a 9 before its digits."""
    assert other_form(number) is None


async def test_who_asked_for_no_messages_gets_none_in_either_form(sms: SmsGateway) -> None:
    """A STOP counts for the customer."""
    await sms.text("hello", sender="+5511987654321")
    await sms.text("STOP", sender="+551187654321")
    await sms.text("hello?", sender="+5511987654321")
    assert sms.sent_texts == ["You said hello"]
