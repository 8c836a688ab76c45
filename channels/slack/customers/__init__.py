"""Slack as a channel: customers write in a DM with our app or in a thread of a shared channel.

See docs/slack.md. slack-bolt and slack-sdk load only when the section ``channels.slack`` is set.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar, Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator

from gateway import Channel, Section, Settings, SupportAddressName, hookimpl

__all__ = ["SlackSettings"]


class SlackApp(BaseModel):
    """Our app in Slack, and what proves that events are Slack's."""

    model_config = ConfigDict(extra="forbid")

    bot_token: SecretStr = Field(description="xoxb-..., of the workspace the app is installed in")
    signing_secret: SecretStr | None = Field(None, description="proves that a request is Slack's")
    app_token: SecretStr | None = Field(None, description="xapp-..., for Socket Mode")
    socket_mode: bool | None = Field(None, description="none: when there is no signing secret")
    teams: dict[str, SecretStr] = Field(
        {}, description="team or enterprise id: bot token, for further workspaces"
    )
    customers: bool = Field(True, description="false: the app is for agents alone")
    channels: tuple[str, ...] = Field(
        (), description="ids of the channels where customers may ask; none: all that we are in"
    )

    @field_validator("teams")
    @classmethod
    def _upper_case_ids(cls, teams: dict[str, SecretStr]) -> dict[str, SecretStr]:
        """Names from the environment arrive in lower case; Slack's ids are upper case."""
        return {team.upper(): token for team, token in teams.items()}

    @model_validator(mode="after")
    def _events_can_arrive(self) -> Self:
        if self.signing_secret is None and self.app_token is None:
            raise ValueError(
                "events cannot reach us: set SLACK_SIGNING_SECRET, or SLACK_APP_TOKEN for "
                "Socket Mode"
            )
        if self.socket_mode and self.app_token is None:
            raise ValueError("socket_mode needs SLACK_APP_TOKEN")
        return self

    @property
    def by_socket(self) -> bool:
        """Whether events come through Socket Mode."""
        return self.signing_secret is None if self.socket_mode is None else self.socket_mode


class SlackSettings(SlackApp):
    """The section ``channels.slack``: our app in Slack. Events come to ``POST
    /channels/slack/events`` when there is a signing secret, else through Socket Mode with the app
    token. ``apps`` are further ones by name, with ``/channels/slack/NAME/events``."""

    ONE_OF: ClassVar[tuple[tuple[str, ...], ...]] = (("signing_secret", "app_token"),)

    api_base: str = Field("https://slack.com/api/", pattern=r"^https?://.+/$")
    timeout: float = Field(10.0, gt=0, le=60, description="seconds for one call of Slack")
    apps: dict[SupportAddressName, SlackApp] = Field(
        {}, description="further apps of ours, each a support address of its own"
    )

    def accounts(self) -> dict[str, Self]:
        """The settings of each app, by its name; the first one has none."""
        apps = self.apps.items()
        return {"": self, **{name: self.model_copy(update=dict(app)) for name, app in apps}}


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
    if (section := settings.section(SlackSettings)) is None:
        return
    from channels.slack.customers.channel import SlackChannel  # noqa: PLC0415  (the SDK loads slowly)

    for name, app in section.accounts().items():
        largest = settings.core.limits.attachment
        register(SlackChannel(app, largest_file=largest, support_address=name))
