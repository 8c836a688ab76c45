"""What switches the channel on, and what it reports while it waits."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

import channels.slack.customers
from channels.slack.customers import SlackSettings
from gateway import BadConfig, Settings
from gateway.plugins import PluginRegistry
from gateway.settings import load
from gateway.testing.kit import as_plugins

TOKEN = {"SLACK_BOT_TOKEN": "xoxb-1"}
SECRET = {"SLACK_SIGNING_SECRET": "s"}
APP = {"SLACK_APP_TOKEN": "xapp-1"}


def settings(tmp_path: Path, environ: Mapping[str, str], section: str = "auto") -> Settings:
    file = tmp_path / "warmline.yaml"
    file.write_text(f"channels:\n  slack: {section}\n", "utf-8")
    return load(file, PluginRegistry(as_plugins([channels.slack.customers])).declared(), environ)


@pytest.mark.parametrize(
    ("environ", "waits"),
    [
        ({}, "waits for SLACK_BOT_TOKEN, SLACK_SIGNING_SECRET or SLACK_APP_TOKEN"),
        (TOKEN, "waits for SLACK_SIGNING_SECRET or SLACK_APP_TOKEN"),
        (SECRET | APP, "waits for SLACK_BOT_TOKEN"),
    ],
)
def test_missing_credentials_are_named(
    tmp_path: Path, environ: Mapping[str, str], waits: str
) -> None:
    """The channel waits for them."""
    found = settings(tmp_path, environ)
    assert found.section(SlackSettings) is None
    assert found.asleep["channels.slack"] == waits


@pytest.mark.parametrize(
    ("environ", "by_socket"),
    [
        (TOKEN | SECRET, False),
        (TOKEN | APP, True),
        (TOKEN | SECRET | APP, False),
        (TOKEN | SECRET | APP | {"WARMLINE_CHANNELS__SLACK__SOCKET_MODE": "true"}, True),
    ],
)
def test_credentials_switch_it_on(
    tmp_path: Path, environ: Mapping[str, str], by_socket: bool
) -> None:
    """A bot token and one way for events are enough; a signing secret means HTTP by default."""
    found = settings(tmp_path, environ).section(SlackSettings)
    assert found is not None
    assert found.by_socket is by_socket


def test_workspaces_from_the_environment(tmp_path: Path) -> None:
    """Team ids are upper case again."""
    environ = TOKEN | SECRET | {"WARMLINE_CHANNELS__SLACK__TEAMS__T2": "xoxb-2"}
    found = settings(tmp_path, environ).section(SlackSettings)
    assert found is not None
    assert {team: token.get_secret_value() for team, token in found.teams.items()} == {
        "T2": "xoxb-2"
    }


@pytest.mark.parametrize(
    ("section", "says"),
    [
        ("{bot_token: xoxb-1}", "events cannot reach us: set SLACK_SIGNING_SECRET"),
        ("{bot_token: b, signing_secret: s, socket_mode: true}", "needs SLACK_APP_TOKEN"),
        ("{bot_token: b, signing_secret: s, api_base: slack.com}", "api_base"),
        ("{bot_token: b, signing_secret: s, colour: red}", "unknown key"),
    ],
)
def test_invalid_settings_stop_the_start(tmp_path: Path, section: str, says: str) -> None:
    """The error says what is wrong."""
    with pytest.raises(BadConfig, match=says):
        settings(tmp_path, {}, section)


def test_the_import_loads_no_sdk() -> None:
    """Neither Bolt nor slack-sdk: plugins that are off cost nothing."""
    code = (
        "import sys, channels.slack.agents, channels.slack.customers; "
        "print([m for m in sys.modules if m.startswith('slack_')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
