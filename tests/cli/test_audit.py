"""``warmline audit``, and the entries that ``desk user`` and ``keys`` add to the audit log."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from gateway.adapters.encryption import new_key
from gateway.cli.audit import parse_time
from gateway.cli.common import open_services
from gateway.cli.main import command

NOW = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)
CONFIG = """
data_dir: {folder}/var
brand_voice: {{}}
channels: {{rest: {{open: true}}}}
plugins: {{agents_desk: {{}}}}
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    file = tmp_path / "warmline.yaml"
    file.write_text(CONFIG.format(folder=tmp_path), "utf-8")
    return file


def run(config: Path, *words: str, env: dict[str, str] | None = None) -> Result:
    return CliRunner().invoke(
        command(), [*words, "--config", str(config)], obj=open_services, env=env
    )


def entries(config: Path, *words: str) -> list[dict[str, object]]:
    done = run(config, "audit", "list", "--json", *words)
    assert done.exit_code == 0, done.output
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_commands_add_audit_entries(config: Path) -> None:
    """Each change of a user is an entry with the operator; passwords are in no entry or output."""
    password = "correct horse battery"
    for words in (
        ("add", "eve", "--role", "lead", "--password", password),
        ("role", "eve", "admin"),
        ("lock", "eve"),
        ("unlock", "eve"),
        ("password", "eve", "--password", f"{password} new"),
        ("sign-out", "eve"),
    ):
        done = run(config, "desk", "user", *words)
        assert done.exit_code == 0, (words, done.output, done.exception)
        assert password not in done.output
    assert run(config, "desk", "user", "list").stdout == "eve  eve  admin\n"
    assert run(config, "desk", "user", "remove", "eve").exit_code == 0
    found = entries(config)
    assert [entry["what"] for entry in reversed(found)] == [
        "user_added", "user_changed", "user_locked", "user_unlocked", "user_changed",
        "signed_out_everywhere", "user_removed",
    ]  # fmt: skip
    assert all(str(entry["who"]).startswith("cli:") for entry in found)
    assert password not in str(found)
    assert entries(config, "--agent", "desk:nobody") == []
    assert len(entries(config, "--since", "1h")) == 7
    assert len(entries(config, "--limit", "2")) == 2
    assert "user_removed  desk:eve" in run(config, "audit", "list").stdout


def test_a_command_for_an_unknown_user_changes_nothing(config: Path) -> None:
    """The error names the user, and no entry is added."""
    done = run(config, "desk", "user", "lock", "nobody")
    assert done.exit_code != 0
    assert "no user nobody" in str(done.exception)
    assert entries(config) == []


def test_keys_are_created_and_rotated(config: Path) -> None:
    """Each new key differs; `keys rotate` prints what it changed and which key is unused."""
    runner = CliRunner()
    made = [runner.invoke(command(), ["keys", "new"]).stdout.strip() for _ in range(2)]
    assert made[0] != made[1]
    run(config, "desk", "user", "add", "eve", "--password", "correct horse battery")
    done = run(config, "keys", "rotate", env={"WARMLINE_DATA_KEY": made[0]})
    assert done.exit_code == 0, done.output
    assert "notes_of_guests: 1 changed" in done.stdout
    both = {"WARMLINE_DATA_KEY": f"{made[1]},{made[0]}"}
    done = run(config, "keys", "rotate", env=both)
    assert "is no longer needed" in done.stdout
    missing = run(config, "audit", "list", env={"WARMLINE_DATA_KEY": new_key()})
    assert missing.exit_code != 0
    assert "which WARMLINE_DATA_KEY does not hold" in str(missing.exception)


@pytest.mark.parametrize(("text", "time"), [
    ("30m", NOW - timedelta(minutes=30)), ("12h", NOW - timedelta(hours=12)),
    ("7d", NOW - timedelta(days=7)), ("2026-03-01", datetime(2026, 3, 1, tzinfo=UTC)),
    ("2026-03-01T10:00Z", datetime(2026, 3, 1, 10, tzinfo=UTC)),
])  # fmt: skip
def test_a_time_can_be_written_in_two_ways(text: str, time: datetime) -> None:
    """As a date or time, or as how long ago."""
    assert parse_time(text, NOW) == time


def test_a_text_that_is_not_a_time_is_refused() -> None:
    """The error says how to write a time."""
    with pytest.raises(click.BadParameter, match="is not a time"):
        parse_time("yesterday-ish", NOW)
