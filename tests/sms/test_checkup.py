"""The doctor asks Twilio whether it knows us and calls us."""

from __future__ import annotations

from gateway import HealthCheck
from gateway.testing import FakeClock

from .conftest import NUMBER, PUBLIC, Line


async def test_twilio_calls_us(line: Line) -> None:
    """An open account, our number, our address: well; each that is not is told."""
    channel = line.gw.gateway.registrations.channels["sms"]
    assert isinstance(channel, HealthCheck)
    [symptom] = await channel.check_health(FakeClock())
    assert "not one of this account" in symptom.what
    line.twilio.numbers[NUMBER] = f"{PUBLIC}/channels/sms/webhook"
    assert list(await channel.check_health(FakeClock())) == []
    line.twilio.numbers[NUMBER] = "https://demo.twilio.com/welcome"
    [symptom] = await channel.check_health(FakeClock())
    assert "https://demo.twilio.com/welcome" in symptom.what
    line.twilio.status_of_account = "suspended"
    [symptom] = await channel.check_health(FakeClock())
    assert "suspended" in symptom.what
