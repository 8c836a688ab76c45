"""The app's manifest: what Slack must let the app do, and where it reaches us. Pure.

docs.slack.dev, "App manifest reference".
"""

from __future__ import annotations

from typing import Any

SCOPES = (
    "app_mentions:read", "channels:history", "channels:read", "chat:write", "commands",
    "files:read", "files:write", "groups:history", "groups:read", "im:history", "im:read",
    "im:write", "metadata.message:read", "reactions:read", "reactions:write", "users:read",
)  # fmt: skip
EVENTS = (
    "app_home_opened", "app_mention", "member_joined_channel", "member_left_channel",
    "message.channels", "message.groups", "message.im", "reaction_added",
)  # fmt: skip


def manifest(*, address: str | None, command: str, name: str = "Warmline") -> dict[str, Any]:
    """``address`` is where Slack delivers; None: by Socket Mode."""
    where = {"url": address} if address else {}
    request = {"request_url": address} if address else {}
    slash = {
        "command": command,
        "description": "Your conversations, the queue, and breaks",
        "usage_hint": "mine | queue | available | break | help",
        "should_escape": False,
        **where,
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
