"""SMS, and WhatsApp, through Twilio. See docs/sms.md."""

from __future__ import annotations

from collections.abc import Callable

from channels.sms.settings import SmsSettings
from gateway import Channel, Section, Settings, hookimpl

__all__ = ["SmsSettings"]


@hookimpl
def register_settings(section: Section) -> None:
    section(
        "channels.sms",
        SmsSettings,
        {
            "TWILIO_ACCOUNT_SID": "account_sid",
            "TWILIO_AUTH_TOKEN": "auth_token",
            "WARMLINE_CHANNELS__SMS__FROM": "from_",
        },
    )


@hookimpl
def register_channels(register: Callable[[Channel], None], settings: Settings) -> None:
    if (account := settings.section(SmsSettings)) is None:
        return
    # Imported here: without an account nothing waits for the SDK.
    from channels.sms.channel import channels  # noqa: PLC0415

    for channel in channels(account, settings):
        register(channel)
