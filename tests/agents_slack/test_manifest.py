"""``warmline slack manifest``: the app as Slack must know it, with this installation's address."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner, Result

from channels.slack.agents.manifest import slack

CLEAN = {
    "WARMLINE_PUBLIC_URL": None, "SLACK_APP_TOKEN": None, "SLACK_SIGNING_SECRET": None,
    "WARMLINE_CHANNELS__SLACK__SOCKET_MODE": None, "WARMLINE_PLUGINS__AGENTS_SLACK__COMMAND": None,
}  # fmt: skip
URL = "https://support.example.com/channels/slack/events"


def run(*arguments: str, **environment: str) -> Result:
    done = CliRunner().invoke(slack, ["manifest", *arguments], env={**CLEAN, **environment})
    assert done.exit_code == 0, done.output
    return done


def test_a_public_address_is_in_the_manifest() -> None:
    """Events, buttons and the slash command go to one endpoint, without Socket Mode."""
    made = yaml.safe_load(run(WARMLINE_PUBLIC_URL="https://support.example.com/").stdout)
    assert made["settings"]["event_subscriptions"]["request_url"] == URL
    assert made["settings"]["interactivity"] == {"is_enabled": True, "request_url": URL}
    [command] = made["features"]["slash_commands"]
    assert (command["command"], command["url"]) == ("/warmline", URL)
    assert made["settings"]["socket_mode_enabled"] is False
    scopes = set(made["oauth_config"]["scopes"]["bot"])
    needed = {
        "chat:write", "commands", "channels:history", "channels:read", "groups:read", "users:read",
        "reactions:read", "reactions:write", "files:read", "files:write", "metadata.message:read",
    }  # fmt: skip
    assert needed <= scopes
    assert {"message.channels", "reaction_added", "app_home_opened"} <= set(
        made["settings"]["event_subscriptions"]["bot_events"]
    )


@pytest.mark.parametrize(
    ("arguments", "environment"),
    [
        (["--socket"], {"WARMLINE_PUBLIC_URL": "https://support.example.com"}),
        ([], {"WARMLINE_PUBLIC_URL": "http://127.0.0.1:8080"}),
        ([], {}),
        (
            [],
            {"WARMLINE_PUBLIC_URL": "https://support.example.com", "SLACK_APP_TOKEN": "xapp-1"},
        ),
    ],
)
def test_socket_mode_has_no_address(arguments: list[str], environment: dict[str, str]) -> None:
    """When asked for, or when there is no other way."""
    done = run("--json", *arguments, **environment)
    made = json.loads(done.stdout)
    assert made["settings"]["socket_mode_enabled"] is True
    assert "url" not in str(made["settings"]) + str(made["features"]["slash_commands"])


def test_settings_from_a_file(tmp_path: Path) -> None:
    """The address and the command."""
    file = tmp_path / "w.yaml"
    tree = {
        "public_url": "https://support.example.com",
        "channels": {"slack": "auto"},
        "plugins": {"agents_slack": {"command": "/desk"}},
    }
    file.write_text(yaml.safe_dump(tree), "utf-8")
    made = yaml.safe_load(run("--config", str(file)).stdout)
    assert made["features"]["slash_commands"][0]["command"] == "/desk"
    assert made["settings"]["interactivity"]["request_url"] == URL


@pytest.mark.parametrize(("text", "error"), [
    ("a: ]", "w.yaml:1: : not YAML"),
    ("plugins:\n  a: " + "[" * 5000, "w.yaml:2: : is nested deeper than 64 levels"),
    ("a: &a [*a]", "w.yaml:1: : an alias (*name) refers to itself"),
    ("- a", "w.yaml:1: : must be a mapping"),
])  # fmt: skip
def test_a_broken_file_is_reported(tmp_path: Path, text: str, error: str) -> None:
    """With file and line, not as a traceback."""
    file = tmp_path / "w.yaml"
    file.write_text(text, "utf-8")
    done = CliRunner().invoke(slack, ["manifest", "--config", str(file)], env=CLEAN)
    assert done.exit_code == 1
    assert error in done.output


def test_malformed_sections_count_as_absent(tmp_path: Path) -> None:
    """`warmline check` reports them; the manifest is printed all the same."""
    file = tmp_path / "w.yaml"
    file.write_text("plugins: many\nchannels: [slack]\n", "utf-8")
    assert "/warmline" in run("--config", str(file)).stdout
