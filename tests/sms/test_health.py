"""The health check asks Twilio about our account and our number."""

from __future__ import annotations

from gateway import HealthCheck
from gateway.testing import FakeClock

from .conftest import NUMBER, PUBLIC, SmsGateway


async def test_wrong_account_or_webhook_is_reported(sms: SmsGateway) -> None:
    """No problem with an active account, our number and our webhook; a problem for each other."""
    channel = sms.gw.gateway.registrations.channels["sms"]
    assert isinstance(channel, HealthCheck)
    [symptom] = await channel.check_health(FakeClock())
    assert "not one of this account" in symptom.what
    sms.twilio.numbers[NUMBER] = f"{PUBLIC}/channels/sms/webhook"
    assert list(await channel.check_health(FakeClock())) == []
    sms.twilio.numbers[NUMBER] = "https://demo.twilio.com/welcome"
    [symptom] = await channel.check_health(FakeClock())
    assert "https://demo.twilio.com/welcome" in symptom.what
    sms.twilio.status_of_account = "suspended"
    [symptom] = await channel.check_health(FakeClock())
    assert "suspended" in symptom.what
