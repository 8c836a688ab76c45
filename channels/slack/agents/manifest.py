"""``warmline slack manifest``: the app's manifest, to paste when the app is made in Slack.

docs.slack.dev, "App manifest reference".
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import click
import yaml

from channels.slack import PATH
from gateway import BadConfig, read_yaml

AGENTS, CUSTOMERS = "WARMLINE_PLUGINS__AGENTS_SLACK__", "WARMLINE_CHANNELS__SLACK__"
SCOPES = (
    "app_mentions:read", "channels:history", "channels:read", "chat:write", "commands",
    "files:read", "files:write", "groups:history", "groups:read", "im:history", "im:read",
    "im:write", "metadata.message:read", "reactions:read", "reactions:write", "users:read",
)  # fmt: skip
EVENTS = (
    "app_home_opened", "app_mention", "member_joined_channel", "member_left_channel",
    "message.channels", "message.groups", "message.im", "reaction_added",
)  # fmt: skip


@click.group()
def slack() -> None:
    """Set up the app in Slack."""


@slack.command(name="manifest")
@click.option(
    "--config",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    default=None,
    help="the settings; default: warmline.yaml here, if there is one",
)
@click.option("--socket", is_flag=True, help="use Socket Mode, which needs no public address")
@click.option("--name", default="Warmline", show_default=True, help="the name people see")
@click.option("--json", "as_json", is_flag=True, help="JSON instead of YAML")
def show(config: Path | None, name: str, *, socket: bool, as_json: bool) -> None:
    """Print the app's manifest, to paste at api.slack.com/apps, "From a manifest".

    It has the address of this installation (`public_url`). Without an https address, or with an
    app token and no signing secret, it uses Socket Mode.
    """
    default = Path("warmline.yaml")
    tree = _read(config or (default if default.exists() else None))
    public_url = os.environ.get("WARMLINE_PUBLIC_URL") or str(tree.get("public_url") or "")
    by_socket = socket or _uses_socket(_section(tree, "channels", "slack"))
    if not by_socket and not public_url.startswith("https://"):
        click.echo(
            f"Slack delivers to https only, and public_url is {public_url or 'not set'}: this "
            "manifest uses Socket Mode. Set WARMLINE_PUBLIC_URL for the other way.",
            err=True,
        )
        by_socket = True
    section = _section(tree, "plugins", "agents_slack")
    command = os.environ.get(f"{AGENTS}COMMAND") or section.get("command") or "/warmline"
    address = None if by_socket else public_url.rstrip("/") + PATH
    made = manifest(address=address, command=str(command), name=name)
    text = json.dumps(made, indent=2) if as_json else yaml.safe_dump(made, sort_keys=False)
    click.echo(text.rstrip())


def manifest(*, address: str | None, command: str, name: str = "Warmline") -> dict[str, Any]:
    """``address`` is where Slack delivers; None: Socket Mode."""
    url = {"url": address} if address else {}
    request = {"request_url": address} if address else {}
    slash = {
        "command": command,
        "description": "Your conversations, the queue, and breaks",
        "usage_hint": "mine | queue | available | break | help",
        "should_escape": False,
        **url,
    }
    return {
        "display_information": {
            "name": name,
            "description": "Customers' questions, and the people who answer them",
            "background_color": "#37474f",
        },
        "features": {
            "app_home": {
                "home_tab_enabled": True,
                "messages_tab_enabled": True,
                "messages_tab_read_only_enabled": False,
            },
            "bot_user": {"display_name": name, "always_online": True},
            "slash_commands": [slash],
        },
        "oauth_config": {"scopes": {"bot": list(SCOPES)}},
        "settings": {
            "event_subscriptions": {**request, "bot_events": list(EVENTS)},
            "interactivity": {"is_enabled": True, **request},
            "org_deploy_enabled": False,
            "socket_mode_enabled": address is None,
            "token_rotation_enabled": False,
        },
    }


def _read(file: Path | None) -> dict[str, Any]:
    if file is None:
        return {}
    try:
        tree, _ = read_yaml(file)
    except BadConfig as error:
        raise click.ClickException(str(error)) from None
    return tree


def _uses_socket(section: dict[str, Any]) -> bool:
    """As the channel decides: when set, or with an app token and no signing secret."""
    chosen = os.environ.get(f"{CUSTOMERS}SOCKET_MODE") or section.get("socket_mode")
    if chosen is not None:
        return str(chosen).lower() in ("1", "true", "yes", "on")

    def is_set(field: str) -> bool:
        names = (f"SLACK_{field.upper()}", f"{CUSTOMERS}{field.upper()}")
        found = any(os.environ.get(n) or os.environ.get(f"{n}_FILE") for n in names)
        return found or bool(section.get(field))

    return is_set("app_token") and not is_set("signing_secret")


def _section(tree: dict[str, Any], group: str, name: str) -> dict[str, Any]:
    sections = tree.get(group)
    found = sections.get(name) if isinstance(sections, dict) else None
    return found if isinstance(found, dict) else {}
