"""The doctor asks Telegram whether it knows us and calls us."""

from __future__ import annotations

import pytest

from gateway import HealthCheck, TryLater
from gateway.testing import FakeClock

from . import server
from .conftest import Start
from .server import BotApi


async def test_telegram_calls_us(start: Start, api: BotApi) -> None:
    """The webhook is ours: well. Somebody else's: told, with both addresses."""
    async with start() as gw:
        channel = gw.gateway.registrations.channels["telegram"]
        assert isinstance(channel, HealthCheck)
        assert list(await channel.check_health(FakeClock())) == []
        api.webhook = {"url": "https://elsewhere.example/hook"}
        [symptom] = await channel.check_health(FakeClock())
        assert "https://elsewhere.example/hook" in symptom.what
        assert symptom.severity == "broken"


async def test_a_token_that_telegram_does_not_know(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Told in words, without the token."""
    async with start() as gw:
        channel = gw.gateway.registrations.channels["telegram"]
        assert isinstance(channel, HealthCheck)
        monkeypatch.setattr(server, "TOKEN", "1:another")
        with pytest.raises(TryLater, match="BotFather"):
            await channel.check_health(FakeClock())
