"""One question after a case is closed, in the tone that the conversation calls for."""

from __future__ import annotations

from collections.abc import Callable

from gateway import Handler, Section, Settings, hookimpl
from plugins.followup.answers import read
from plugins.followup.handler import Followup
from plugins.followup.settings import FollowupSettings

__all__ = ["Followup", "FollowupSettings", "read"]


@hookimpl
def register_settings(section: Section) -> None:
    section("plugins.followup", FollowupSettings, {})


@hookimpl
def register_handlers(register: Callable[[Handler], None], settings: Settings) -> None:
    if mine := settings.section(FollowupSettings):
        register(Followup(mine))
