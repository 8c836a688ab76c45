"""A configuration with every HTTP route, and the OpenAPI document of them that we publish.

Run ``python -m tests.openapi.description`` to write docs/openapi.json.
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
"""Nothing listens here: outgoing messages wait, and incoming ones are accepted all the same."""
MANY = 1_000_000

CONFIG = {
    "public_url": PUBLIC,
    "brand_voice": {},
    "channels": {
        "rest": {"open": True, "answer_timeout": 0.05, "requests_per_address": None},
        "webchat": {
            "messages_per_minute": MANY,
            "files_per_minute": MANY,
            "sessions_per_minute": MANY,
        },
        "sms": {"account_sid": SID, "from": "+15550100000", "api_base": NOWHERE},
        "slack": {"api_base": f"{NOWHERE}/api/"},
        "telegram": {"api_base": f"{NOWHERE}/bot"},
    },
    "plugins": {
        "agents_desk": {"demo_user": "una"},
        "demo_shop": {},
        "practice": {},
        "escalation": {},
        "insights": {},
        "knowledge": {},
        "lead_rooms": {},
    },
}
SECRETS = {
    "TWILIO_AUTH_TOKEN": TWILIO,
    "SLACK_BOT_TOKEN": "xoxb-1",
    "SLACK_SIGNING_SECRET": SLACK,
    "TELEGRAM_BOT_TOKEN": "1:" + "a" * 35,
    "WARMLINE_CHANNELS__TELEGRAM__SECRET": TELEGRAM,
}


def build_gateway_in(folder: Path) -> Gateway:
    """A gateway with every route, not started."""
    file = folder / "warmline.yaml"
    file.write_text(yaml.safe_dump({**CONFIG, "data_dir": str(folder / "var")}), "utf-8")
    plugins = PluginRegistry(installed_plugins())
    return Gateway(plugins, load(file, plugins.declared(), SECRETS))


def parts(gateway: Gateway) -> list[openapi.Part]:
    """The descriptions of the gateway and of each plugin."""
    return [openapi.core_part(), *openapi.plugin_parts(gateway.infrastructure.plugin_objects)]


def document(gateway: Gateway) -> str:
    """The document that the gateway serves, indented for people."""
    served = openapi.operations(routes(gateway))
    return json.dumps(openapi.document(parts(gateway), served), indent=1) + "\n"


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        DOCUMENT.write_text(document(build_gateway_in(Path(folder))), "utf-8")
