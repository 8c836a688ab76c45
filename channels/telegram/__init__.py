"""Telegram: customers write to a bot, by webhook or by long polling. See docs/telegram.md."""

from __future__ import annotations

from collections.abc import Callable

from channels.telegram.settings import TelegramSettings
from gateway import Channel, Section, Settings, hookimpl

__all__ = ["TelegramSettings"]


@hookimpl
def register_settings(section: Section) -> None:
    section("channels.telegram", TelegramSettings, {"TELEGRAM_BOT_TOKEN": "bot_token"})


@hookimpl
def register_channels(register: Callable[[Channel], None], settings: Settings) -> None:
    if account := settings.section(TelegramSettings):
        # The SDK takes a tenth of a second to import: without a bot nothing waits for it.
        from channels.telegram.channel import Telegram  # noqa: PLC0415

        register(Telegram.from_settings(account, settings))
