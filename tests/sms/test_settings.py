"""How the channel is enabled, and what it reports when it cannot work."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from channels import sms
from channels.sms import SmsSettings
from gateway.plugins import PluginRegistry
from gateway.settings import BadConfig, Settings, load
from gateway.testing import as_plugins, running

from .fake_twilio import NUMBER, SERVICE, SID, TOKEN

ALIASES = {"TWILIO_ACCOUNT_SID": SID, "TWILIO_AUTH_TOKEN": TOKEN}
FROM = {"WARMLINE_CHANNELS__SMS__FROM": NUMBER}
FULL = {"account_sid": SID, "auth_token": TOKEN, "from": NUMBER}


def read(tmp_path: Path, given: Any, environ: Mapping[str, str]) -> Settings:
    """The settings from a file with ``given`` as the section, and an environment."""
    file = tmp_path / "warmline.yaml"
    tree = {} if given is None else {"channels": {"sms": given}}
    file.write_text(yaml.safe_dump(tree), "utf-8")
    return load(file, PluginRegistry(as_plugins([sms])).declared(), environ)


@pytest.mark.parametrize(
    ("given", "environ"),
    [
        ("auto", ALIASES | FROM),
        (None, ALIASES | FROM),
        ({"from": NUMBER}, ALIASES),
        (FULL, {}),
        ({**FULL, "from": "+15550000000"}, FROM),
        ({}, {"WARMLINE_CHANNELS__SMS__ACCOUNT_SID": SID} | ALIASES | FROM),
    ],
    ids=["auto", "absent", "file and env", "file", "env wins", "both names"],
)
def test_it_is_enabled(given: Any, environ: dict[str, str], tmp_path: Path) -> None:
    """By the file, the environment, or both."""
    section = read(tmp_path, given, environ).section(SmsSettings)
    assert section is not None
    assert (section.account_sid, section.number, section.service) == (SID, NUMBER, None)


def test_missing_settings_are_named(tmp_path: Path) -> None:
    """By the variables that set them."""
    assert read(tmp_path, "auto", {}).asleep["channels.sms"] == (
        "waits for TWILIO_ACCOUNT_SID, TWILIO_AUTH_TOKEN, WARMLINE_CHANNELS__SMS__FROM"
    )
    missing = read(tmp_path, "auto", ALIASES).asleep["channels.sms"]
    assert missing == "waits for WARMLINE_CHANNELS__SMS__FROM"


@pytest.mark.parametrize("section", [{"from": SERVICE}, {"messaging_service": SERVICE}])
def test_a_messaging_service_is_enough(section: dict[str, str]) -> None:
    """In either setting."""
    settings = SmsSettings.model_validate({**FULL, "from": None} | section)
    assert (settings.number, settings.service) == (None, SERVICE)


@pytest.mark.parametrize(
    "section",
    [
        {"from": ""},
        {"api_base": "ftp://x"},
        {"api_base": "http://x/2010"},
        {"trusted_proxies": ["proxy.example"]},
        {"media_timeout": 60},
        {"colour": "red"},
    ],
)
def test_a_wrong_setting_stops_the_start(section: dict[str, Any], tmp_path: Path) -> None:
    """The error names the key."""
    with pytest.raises(BadConfig, match=rf"channels\.sms\.{next(iter(section))}"):
        read(tmp_path, FULL | section, {})


@pytest.mark.parametrize(
    ("core", "section", "status"),
    [
        ({"public_url": "http://127.0.0.1:8080"}, {}, 503),
        ({"public_url": "http://127.0.0.1:8080"}, {"api_base": "http://127.0.0.1:1"}, 200),
        ({"public_url": "https://shop.example"}, {}, 200),
    ],
)
async def test_without_a_public_address_it_is_not_ready(
    core: dict[str, str], section: dict[str, str], status: int, tmp_path: Path
) -> None:
    """Twilio could not call us. A test server or a proxy may be anywhere."""
    config = {**core, "channels": {"sms": FULL | section}}
    async with (
        running(sms, config=config, tmp_path=tmp_path) as gw,
        gw.session() as session,
        session.get("/readyz") as answer,
    ):
        assert answer.status == status
        check = (await answer.json())["checks"]["channel sms"]
        assert ("WARMLINE_PUBLIC_URL" in check) is (status == 503)


def test_the_sdk_is_not_imported_while_disabled() -> None:
    """Importing the channel does not import Twilio's SDK."""
    code = "import sys, channels.sms; print('twilio' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.strip() == "False"
