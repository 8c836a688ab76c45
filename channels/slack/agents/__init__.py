"""Agents answer customers from a support channel in Slack. See docs/agents-slack.md.

slack-sdk loads only when the section ``plugins.agents_slack`` is set.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import click
from pydantic import BaseModel, ConfigDict, Field, SecretStr

from channels.slack.agents.manifest import slack
from gateway import HttpRoutes, Poller, Section, Settings, WebhookSubscriber, hookimpl

__all__ = ["AgentsSlackSettings"]


class AgentsSlackSettings(BaseModel):
    """The section ``plugins.agents_slack``: agents answer customers from one channel of a Slack
    workspace."""

    model_config = ConfigDict(extra="forbid")

    channel: str = Field(pattern="^[CG][A-Z0-9]+$", description="id of the support channel")
    bot_token: SecretStr = Field(description="xoxb-..., of the workspace of that channel")
    agents: tuple[str, ...] | None = Field(
        None, description="user ids; none: every full member of the channel"
    )
    api_base: str = Field("https://slack.com/api/", pattern="^https?://.+/$")
    command: str = Field("/warmline", pattern="^/[a-z0-9_-]{1,31}$")
    tiers: tuple[str, ...] = Field(
        ("front", "specialist"), min_length=1, description="offered at a transfer"
    )
    thread_messages: Literal["answers", "notes"] = Field(
        "answers",
        description="what agents write in a thread: answers, or notes unless they press Reply",
    )
    grace: float = Field(
        3.0, ge=0, le=60, description="seconds in which a reply can still be taken back"
    )
    refresh: float = Field(
        30.0, gt=0, description="seconds between checks of all cards for what has changed"
    )
    alarm_mention: Literal["channel", "here"] | None = Field(
        "channel",
        description="whom an alarm about harm calls: every member, those who are active, or nobody",
    )
    pace: float = Field(
        1.0, ge=0, description="seconds between two posts; Slack allows one a second to a channel"
    )
    timeout: float = Field(10.0, gt=0, le=60, description="seconds for one call of Slack")
    know_people_for: float = Field(
        300.0, gt=0, description="seconds for which the list of agents is cached"
    )


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
    register: Callable[[HttpRoutes | Poller | WebhookSubscriber], None], settings: Settings
) -> None:
    if (section := settings.section(AgentsSlackSettings)) is None:
        return
    from channels.slack.agents.plugin import AgentsSlack  # noqa: PLC0415  (the SDK loads slowly)

    own = {
        name: brand.support_channel
        for name, brand in settings.core.brands.items()
        if brand.support_channel and brand.support_channel != section.channel
    }
    channels = frozenset({section.channel, *own.values()})
    largest_file = settings.core.limits.attachment
    for channel in dict.fromkeys(own.values()):
        brands = tuple(name for name, other in own.items() if other == channel)
        account = section.model_copy(update={"channel": channel})
        register(
            AgentsSlack(
                account,
                largest_file=largest_file,
                brand=brands[0],
                brands=brands,
                others=channels - {channel},
            )
        )
    rest = ("", *(name for name in settings.core.brands if name not in own)) if own else ()
    others = channels - {section.channel}
    register(AgentsSlack(section, largest_file=largest_file, brands=rest, others=others))
