"""The web chat channel: see docs/webchat.md."""

from __future__ import annotations

from collections.abc import Callable

from channels.webchat.channel import Webchat
from channels.webchat.settings import WebchatSettings
from gateway import Channel, Section, Settings, hookimpl

__all__ = ["Webchat", "WebchatSettings", "register_channels", "register_settings"]


@hookimpl
def register_settings(section: Section) -> None:
    section("channels.webchat", WebchatSettings, {})


@hookimpl
def register_channels(register: Callable[[Channel], None], settings: Settings) -> None:
    if section := settings.section(WebchatSettings):
        register(Webchat.from_settings(section, settings))
