"""``warmline slack manifest``: what to paste when the app is made in Slack."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import click
import yaml

from channels.slack.agents.manifest import manifest
from gateway import BadConfig, read_yaml

PATH = "/channels/slack/events"
PREFIX = "WARMLINE_PLUGINS__AGENTS_SLACK__"


@click.group()
def slack() -> None:
    """Our app in Slack."""


@slack.command(name="manifest")
@click.option(
    "--config",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    default=None,
    help="the settings; default: warmline.yaml here, if there is one",
)
@click.option("--socket", is_flag=True, help="by Socket Mode, for those without a public address")
@click.option("--name", default="Warmline", show_default=True, help="what people call the app")
@click.option("--json", "as_json", is_flag=True, help="JSON instead of YAML")
def show(config: Path | None, name: str, *, socket: bool, as_json: bool) -> None:
    """Print the app's manifest, to paste at api.slack.com/apps, "From a manifest".

    It has the address of this installation (`public_url`). Without an https address, or with an
    app token and no signing secret, it is made for Socket Mode.
    """
    here = Path("warmline.yaml")
    tree = _read(config or (here if here.exists() else None))
    address = _address(tree)
    by_socket = socket or _by_socket(tree)
    if not by_socket and not address.startswith("https://"):
        click.echo(
            f"Slack delivers to https alone, and public_url is {address or 'not set'}: this is "
            "made for Socket Mode. Set WARMLINE_PUBLIC_URL for the other way.",
            err=True,
        )
        by_socket = True
    section = _section(tree, "plugins", "agents_slack")
    command = os.environ.get(f"{PREFIX}COMMAND") or section.get("command") or "/warmline"
    where = None if by_socket else address.rstrip("/") + PATH
    made = manifest(address=where, command=str(command), name=name)
    text = json.dumps(made, indent=2) if as_json else yaml.safe_dump(made, sort_keys=False)
    click.echo(text.rstrip())


def _read(file: Path | None) -> dict[str, Any]:
    if file is None:
        return {}
    try:
        tree, _ = read_yaml(file)
    except BadConfig as error:
        raise click.ClickException(str(error)) from None
    return tree


def _address(tree: dict[str, Any]) -> str:
    return os.environ.get("WARMLINE_PUBLIC_URL") or str(tree.get("public_url") or "")


def _by_socket(tree: dict[str, Any]) -> bool:
    """As the channel decides: by socket when told, or when there is no signing secret."""
    section = _section(tree, "channels", "slack")
    prefix = "WARMLINE_CHANNELS__SLACK__"
    told = os.environ.get(f"{prefix}SOCKET_MODE") or section.get("socket_mode")
    if told is not None:
        return str(told).lower() in ("1", "true", "yes", "on")

    def given(field: str) -> bool:
        names = (f"SLACK_{field.upper()}", f"{prefix}{field.upper()}")
        found = any(os.environ.get(n) or os.environ.get(f"{n}_FILE") for n in names)
        return found or bool(section.get(field))

    return given("app_token") and not given("signing_secret")


def _section(tree: dict[str, Any], group: str, name: str) -> dict[str, Any]:
    sections = tree.get(group)
    found = sections.get(name) if isinstance(sections, dict) else None
    return found if isinstance(found, dict) else {}
