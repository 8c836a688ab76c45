"""The health check asks Twilio about our account and our number."""

from __future__ import annotations

from gateway import Checkup
from gateway.testing import FakeClock

from .conftest import NUMBER, PUBLIC, SmsGateway


async def test_wrong_account_or_webhook_is_reported(sms: SmsGateway) -> None:
    """No problem with an active account, our number and our webhook; a problem for each other."""
    channel = sms.gw.gateway.offers.channels["sms"]
    assert isinstance(channel, Checkup)
    [symptom] = await channel.checkup(FakeClock())
    assert "not one of this account" in symptom.what
    sms.twilio.numbers[NUMBER] = f"{PUBLIC}/channels/sms/webhook"
    assert list(await channel.checkup(FakeClock())) == []
    sms.twilio.numbers[NUMBER] = "https://demo.twilio.com/welcome"
    [symptom] = await channel.checkup(FakeClock())
    assert "https://demo.twilio.com/welcome" in symptom.what
    sms.twilio.status_of_account = "suspended"
    [symptom] = await channel.checkup(FakeClock())
    assert "suspended" in symptom.what
