"""People answer customers from a channel in Slack. See docs/agents-slack.md.

slack-sdk is loaded only when the section is awake.
"""

from __future__ import annotations

from collections.abc import Callable

import click

from channels.slack.agents.manifest_command import slack
from channels.slack.agents.settings import AgentsSlackSettings
from gateway import Pages, Poller, Section, Settings, Tenant, hookimpl

__all__ = ["AgentsSlackSettings"]


@hookimpl
def register_settings(section: Section) -> None:
    section(
        "plugins.agents_slack",
        AgentsSlackSettings,
        {
            "SLACK_BOT_TOKEN": "bot_token",
            "WARMLINE_CHANNELS__SLACK__API_BASE": "api_base",
        },
    )


@hookimpl
def register_commands(register: Callable[[click.Command], None]) -> None:
    register(slack)


@hookimpl
def register_routes(
    register: Callable[[Pages | Poller | Tenant], None], settings: Settings
) -> None:
    if (mine := settings.section(AgentsSlackSettings)) is None:
        return
    from channels.slack.agents.plugin import AgentsSlack  # noqa: PLC0415  (the SDK is slow to load)

    register(AgentsSlack(mine, largest_file=settings.core.limits.attachment))
