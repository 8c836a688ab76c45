"""`warmline check --deploy` and `warmline doctor` name what is unsafe in public."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner, Result

from gateway.cli.main import command
from plugins.demo_shop import config as demo_config

KEY = base64.b64encode(bytes(range(32))).decode()
SAFE: dict[str, Any] = {
    "public_url": "https://help.example",
    "proxies": 1,
    "channels": {"rest": {"token": "a token of more than twelve characters"}, "webchat": {}},
    "plugins": {"agents_desk": {}},
}

Warmline = Callable[..., Result]


@pytest.fixture
def warmline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Warmline:
    """Runs a command on settings that are safe but for what is given."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WARMLINE_DATA_KEY", KEY)

    def run(*arguments: str, **settings: Any) -> Result:
        merged = {**SAFE, **settings}
        (tmp_path / "warmline.yaml").write_text(yaml.safe_dump(merged), "utf-8")
        return CliRunner().invoke(command(), arguments, catch_exceptions=False)

    return run


def test_a_safe_installation_is_ok(warmline: Warmline) -> None:
    """Nothing is named, and the exit code is 0."""
    result = warmline("check", "--deploy")
    assert (result.exit_code, result.stdout) == (0, "OK\n")


@pytest.mark.parametrize(("key", "settings"), [
    ("channels.rest.open", {"channels": {"rest": {"open": True}}}),
    ("channels.rest.token", {"channels": {"rest": {"token": "short"}}}),
    ("channels.rest.callback_url",
     {"channels": {"rest": {"token": "x" * 32, "callback_url": "http://other.example/"}}}),
    ("channels.rest.requests_per_address",
     {"channels": {"rest": {"token": "x" * 32, "requests_per_address": None}}}),
    ("channels.webchat.origins", {"channels": {"webchat": {"origins": ["http://shop.example"]}}}),
    ("public_url", {"public_url": "http://help.example"}),
    ("public_url", {"public_url": "http://127.0.0.1:8080"}),
    ("proxies", {"proxies": 0}),
    ("plugins.agents_desk.demo_user", {"plugins": {"agents_desk": {"demo_user": "una"}}}),
    ("plugins.demo_shop", {"plugins": {"demo_shop": {}}}),
    ("webhooks.endpoints.crm.url", {"webhooks": {"endpoints": {"crm": {
        "url": "http://crm.example/", "secret": "whsec_" + KEY}}}}),
])  # fmt: skip
def test_each_unsafe_setting_is_named(
    warmline: Warmline, key: str, settings: dict[str, Any]
) -> None:
    """With file, line, key and what to do, by the check; by the doctor as a warning."""
    assert warmline("check", **settings).exit_code == 0
    result = warmline("check", "--deploy", **settings)
    assert result.exit_code == 1
    named = [line for line in result.stdout.splitlines() if f": {key}: " in line]
    assert len(named) == 1
    assert named[0].startswith("warmline.yaml:")
    assert "; " in named[0]
    lines = warmline("doctor", "--json", **settings).stdout.splitlines()
    warned = [part for part in map(json.loads, lines) if part["part"] == "deployment"]
    assert [part["state"] for part in warned] == ["warning"]
    assert warned[0]["what"].startswith(key)


def test_missing_keys_are_named(warmline: Warmline, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a data key everything is stored as plain text."""
    monkeypatch.delenv("WARMLINE_DATA_KEY")
    assert ": data_key: " in warmline("check", "--deploy").stdout


def test_files_that_others_may_read_are_named(warmline: Warmline, tmp_path: Path) -> None:
    """The folder and the files in it, with their modes, and the command that mends it; a folder
    that is closed hides what is in it."""
    data = tmp_path / "var"
    data.mkdir(mode=0o755)
    data.chmod(0o755)
    database = data / "warmline.db"
    database.touch()
    database.chmod(0o644)
    [line] = warmline("check", "--deploy").stdout.splitlines()
    assert "var (755), var/warmline.db (644)" in line
    assert "chmod -R go= var" in line
    data.chmod(0o700)
    assert warmline("check", "--deploy").exit_code == 0


def test_a_database_elsewhere_is_named(
    warmline: Warmline, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A database file outside the data folder that others may read."""
    database = tmp_path / "elsewhere.db"
    database.touch()
    database.chmod(0o644)
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{database}")
    [line] = warmline("check", "--deploy").stdout.splitlines()
    assert "database_url: other users of this machine may read" in line
    assert f"{database} (644); run `chmod -R go= {database}`" in line


def test_the_demo_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its shop, its open channel, its user."""
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(command(), ["check", "--deploy"], catch_exceptions=False)
    for key in ("plugins.demo_shop", "channels.rest.open", "plugins.agents_desk.demo_user"):
        assert f"{demo_config()}:" in result.stdout
        assert f": {key}: " in result.stdout


def test_a_closed_rest_channel_is_mentioned(warmline: Warmline) -> None:
    """Whoever had it open by default hears what to set, from the check and the doctor."""
    result = warmline("check", channels={"rest": {}})
    assert result.exit_code == 0
    assert "channels.rest.token" in result.stderr
    parts = warmline("doctor", "--json", channels={"rest": {}}).stdout.splitlines()
    [configuration] = [part for part in map(json.loads, parts) if part["part"] == "configuration"]
    assert configuration["state"] == "warning"
    assert "is asleep" in configuration["what"]
