"""The section `channels.telegram`: what enables it, and what is refused."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import channels.telegram
from channels.telegram import TelegramSettings
from gateway import Settings, WarmlineError
from gateway.app import build_gateway
from gateway.plugins import PluginRegistry
from gateway.settings import BadConfig, load
from gateway.testing import PlainVoice, as_plugins

from .fake_bot_api import TOKEN

PLUGINS = as_plugins([channels.telegram, PlainVoice()])


def load_yaml(tmp_path: Path, yaml: str, **environ: str) -> Settings:
    file = tmp_path / "warmline.yaml"
    file.write_text(f"data_dir: {tmp_path}/var\n{yaml}", "utf-8")
    return load(file, PluginRegistry(PLUGINS).declared(), environ)


def test_it_is_enabled_by_a_token(tmp_path: Path) -> None:
    """With `auto` the channel names the missing variable."""
    disabled = load_yaml(tmp_path, "channels: {telegram: auto}")
    assert disabled.asleep == {"channels.telegram": "waits for TELEGRAM_BOT_TOKEN"}
    assert PluginRegistry(PLUGINS).registrations(disabled).channels == {}
    enabled = load_yaml(tmp_path, "channels: {telegram: auto}", TELEGRAM_BOT_TOKEN=TOKEN)
    assert list(PluginRegistry(PLUGINS).registrations(enabled).channels) == ["telegram"]
    section = enabled.section(TelegramSettings)
    assert section is not None
    assert TOKEN not in repr(section)


@pytest.mark.parametrize(
    ("yaml", "problem"),
    [
        ("bot_token: 'a b'", "is not a bot token"),
        ("bot_token: 'https://api.telegram.org/bot1:x'", "is not a bot token"),
        ("{bot_token: '1:x', secret: 'no spaces please'}", "must be 1 to 256 of the characters"),
        (f"{{bot_token: '1:x', secret: {'s' * 257}}}", "must be 1 to 256 of the characters"),
        ("{bot_token: '1:x', api_base: 'http://127.0.0.1:1'}", "must look like"),
        ("{bot_token: '1:x', groups: all}", "mention"),
        ("{bot_token: '1:x', poll_timeout: 600}", "50"),
        ("{bot_token: '1:x', token: 'y'}", "unknown key"),
    ],
)
def test_a_wrong_setting_is_reported(tmp_path: Path, yaml: str, problem: str) -> None:
    """The error names the line and what to do, and contains no secret."""
    inner = yaml if yaml.startswith("{") else "{" + yaml + "}"
    with pytest.raises(BadConfig) as bad:
        load_yaml(tmp_path, f"channels:\n  telegram: {inner}")
    assert problem in str(bad.value)
    assert "no spaces please" not in str(bad.value)


def test_an_empty_secret_means_polling(tmp_path: Path) -> None:
    """Not a webhook without a secret."""
    environ = {"TELEGRAM_BOT_TOKEN": TOKEN, "WARMLINE_CHANNELS__TELEGRAM__SECRET": ""}
    section = load_yaml(tmp_path, "channels: {telegram: auto}", **environ).section(TelegramSettings)
    assert section is not None
    assert section.secret is None


@pytest.mark.parametrize(
    ("base", "files"),
    [
        ("https://api.telegram.org/bot", "https://api.telegram.org/file/bot"),
        ("http://127.0.0.1:81/bot", "http://127.0.0.1:81/file/bot"),
        ("https://h.example/both/bot", "https://h.example/both/file/bot"),
        ("https://h.example/bot{token}/test", "https://h.example/file/bot{token}/test"),
    ],
)
def test_the_address_of_files_follows_the_api_base(base: str, files: str) -> None:
    """It is derived from it."""
    section = TelegramSettings.model_validate({"bot_token": "1:x", "api_base": base})
    assert section.file_base == files


def test_a_webhook_needs_https(tmp_path: Path) -> None:
    """Otherwise the start fails, unless the API is not Telegram's own."""
    yaml = "public_url: http://shop.example\nchannels: {telegram: {bot_token: '1:x', secret: s}}"
    with pytest.raises(WarmlineError, match="Telegram calls only https addresses"):
        build_gateway(PLUGINS, load_yaml(tmp_path, yaml))
    elsewhere = yaml.replace("secret: s", "secret: s, api_base: 'http://127.0.0.1:1/bot'")
    assert PluginRegistry(PLUGINS).registrations(load_yaml(tmp_path, elsewhere)).channels
    https = yaml.replace("http://shop", "https://shop")
    assert PluginRegistry(PLUGINS).registrations(load_yaml(tmp_path, https)).channels


def test_the_sdk_is_not_imported_while_disabled() -> None:
    """Importing the channel does not import the SDK."""
    code = "import sys, channels.telegram; sys.exit('telegram' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], check=False, cwd=Path(__file__).parents[2])
    assert done.returncode == 0
