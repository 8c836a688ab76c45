"""A configuration that opens every HTTP door, and the description of them that we publish.

``python -m tests.openapi.description`` writes docs/openapi.json anew.
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import yaml

from gateway.app import Gateway, routes
from gateway.plugins import PluginRegistry, installed_plugins
from gateway.settings import load
from gateway.web import openapi

DOCUMENT = Path(__file__).parents[2] / "docs" / "openapi.json"
PUBLIC = "https://warmline.example"
SID = "AC" + "0" * 32
TWILIO = "a-token-of-twilio"
SLACK = "a-signing-secret-of-slack"
TELEGRAM = "a-Secret_of-telegram"
NOWHERE = "http://127.0.0.1:9"
"""Nobody listens there: what goes out waits, and what comes in is taken all the same."""
MANY = 1_000_000

CONFIG = {
    "public_url": PUBLIC,
    "brand_voice": {},
    "channels": {
        "rest": {"answer_timeout": 0.05},
        "webchat": {
            "messages_per_minute": MANY,
            "files_per_minute": MANY,
            "sessions_per_minute": MANY,
        },
        "sms": {"account_sid": SID, "from": "+15550100000", "api_base": NOWHERE},
        "slack": {"api_base": f"{NOWHERE}/api/"},
        "telegram": {"api_base": f"{NOWHERE}/bot"},
    },
    "plugins": {"agents_desk": {"demo_user": "una"}, "demo_shop": {}, "escalation": {}},
}
SECRETS = {
    "TWILIO_AUTH_TOKEN": TWILIO,
    "SLACK_BOT_TOKEN": "xoxb-1",
    "SLACK_SIGNING_SECRET": SLACK,
    "TELEGRAM_BOT_TOKEN": "1:" + "a" * 35,
    "WARMLINE_CHANNELS__TELEGRAM__SECRET": TELEGRAM,
}


def gateway_in(folder: Path) -> Gateway:
    """Every door, not yet open."""
    file = folder / "warmline.yaml"
    file.write_text(yaml.safe_dump({**CONFIG, "data_dir": str(folder / "var")}), "utf-8")
    return Gateway(
        PluginRegistry(installed_plugins()),
        load(file, PluginRegistry(installed_plugins()).declared(), SECRETS),
    )


def parts(gateway: Gateway) -> list[openapi.Part]:
    """What the house and each guest tell."""
    offers = gateway.registrations
    guests = openapi.plugin_parts((*offers.channels.values(), *offers.components))
    return [openapi.core_part(), *guests]


def document(gateway: Gateway) -> str:
    """As it is served, for people to read."""
    serves_http = openapi.operations(routes(gateway))
    return json.dumps(openapi.document(parts(gateway), serves_http), indent=1) + "\n"


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as here:
        DOCUMENT.write_text(document(gateway_in(Path(here))), "utf-8")
