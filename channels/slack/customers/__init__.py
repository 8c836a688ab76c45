"""Slack: customers in a DM with our app or in a thread of a shared channel. See docs/slack.md.

slack-bolt and slack-sdk are loaded only when the section is awake.
"""

from __future__ import annotations

from collections.abc import Callable

from channels.slack.customers.settings import SlackSettings
from gateway import Channel, Section, Settings, hookimpl

__all__ = ["SlackSettings"]


@hookimpl
def register_settings(section: Section) -> None:
    section(
        "channels.slack",
        SlackSettings,
        {
            "SLACK_BOT_TOKEN": "bot_token",
            "SLACK_SIGNING_SECRET": "signing_secret",
            "SLACK_APP_TOKEN": "app_token",
        },
    )


@hookimpl
def register_channels(register: Callable[[Channel], None], settings: Settings) -> None:
    if (mine := settings.section(SlackSettings)) is None:
        return
    from channels.slack.customers.channel import Slack  # noqa: PLC0415  (the SDK is slow to load)

    register(Slack(mine, largest_file=settings.core.limits.attachment))
