"""The health check asks Telegram about our bot and its webhook."""

from __future__ import annotations

import pytest

from gateway import HealthCheck, TryLater
from gateway.testing import FakeClock

from .conftest import Start
from .fake_bot_api import FakeBotApi


async def test_a_foreign_webhook_is_reported(start: Start, api: FakeBotApi) -> None:
    """No problem with our webhook; a problem that names both addresses with another."""
    async with start() as gw:
        channel = gw.gateway.registrations.channels["telegram"]
        assert isinstance(channel, HealthCheck)
        assert list(await channel.check_health(FakeClock())) == []
        api.webhook = {"url": "https://elsewhere.example/hook"}
        [symptom] = await channel.check_health(FakeClock())
        assert "https://elsewhere.example/hook" in symptom.what
        assert symptom.severity == "broken"


async def test_an_unknown_token_is_reported(start: Start, api: FakeBotApi) -> None:
    """The error says what to do and does not contain the token."""
    async with start() as gw:
        channel = gw.gateway.registrations.channels["telegram"]
        assert isinstance(channel, HealthCheck)
        api.token = "1:another"
        with pytest.raises(TryLater, match="BotFather"):
            await channel.check_health(FakeClock())
