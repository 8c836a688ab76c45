"""``warmline customer erase`` says in its exit code whether everything is gone, and on a terminal
it asks first, as every command does that deletes."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from gateway.cli.common import open_services
from gateway.cli.main import command

CONFIG = """
data_dir: {folder}/var
brand_voice: {{}}
channels: {{rest: {{open: true}}}}
retention: {{conversations_days: 1, archive: archive}}
"""
ARCHIVED = {
    "conversation": {"id": 1, "channel": "rest", "address": "ana", "lane": "rest:ana"},
    "customer": [{"id": 1, "name": "Ana"}],
    "messages": [{"id": 1, "lane": "rest:ana", "text": "hello"}],
    "attachments": [],
}


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A configuration; Ana is in its archive, and nowhere else."""
    file, archive = tmp_path / "warmline.yaml", tmp_path / "archive"
    file.write_text(CONFIG.format(folder=tmp_path), "utf-8")
    archive.mkdir()
    with gzip.open(archive / "conversations-2026-01.jsonl.gz", "wt", encoding="utf-8") as lines:
        lines.write(json.dumps(ARCHIVED) + "\n")
    return file


@pytest.fixture
def erase(config: Path) -> Result:
    """Ana is erased; another archive is damaged."""
    archive = config.with_name("archive")
    (archive / "conversations-2026-02.jsonl.gz").write_bytes(b"\x1f\x8bbroken")
    words = ["customer", "erase", "rest:ana", "--config", str(config)]
    return CliRunner().invoke(command(), words, obj=open_services)


def test_a_damaged_archive_is_an_exit_code_of_its_own(erase: Result) -> None:
    """A script that erases must not take it for done: there may be more in it."""
    assert erase.exit_code == 4
    assert "1 archived conversation" in erase.stdout
    assert "conversations-2026-02.jsonl.gz is damaged" in erase.stderr
    assert "Out of reach: what was sent or forwarded stays" in erase.stderr


def at_a_terminal(config: Path, *words: str, answer: str = "") -> subprocess.CompletedProcess[str]:
    """Runs the command with a terminal at its stdin, where somebody types ``answer``."""
    keyboard, terminal = os.openpty()
    try:
        os.write(keyboard, answer.encode())
        return subprocess.run(
            [Path(sys.executable).with_name("warmline"), *words, "--config", str(config)],
            stdin=terminal, capture_output=True, text=True, check=False, timeout=60,
        )  # fmt: skip
    finally:
        os.close(keyboard)
        os.close(terminal)


ERASE = ("customer", "erase", "rest:ana")


def test_a_person_at_a_terminal_is_asked_before_an_erasure(config: Path) -> None:
    """With what it means and what stays; nothing is deleted without a yes."""
    declined = at_a_terminal(config, *ERASE, answer="n\n")
    assert declined.returncode == 1
    assert "rest:ana is nobody in the database" in declined.stderr
    assert "Out of reach: what was sent or forwarded stays" in declined.stderr
    assert "[y/N]" in declined.stderr
    assert not declined.stdout
    done = at_a_terminal(config, *ERASE, answer="y\n")
    assert done.returncode == 0
    assert "1 archived conversations" in done.stdout


def test_yes_skips_the_question(config: Path) -> None:
    """As a script does that has a terminal."""
    done = at_a_terminal(config, *ERASE, "--yes")
    assert done.returncode == 0
    assert "[y/N]" not in done.stderr
    assert "1 archived conversations" in done.stdout


@pytest.mark.parametrize(
    ("words", "question"),
    [
        (("migrate", "--back"), "Take the schema one revision back, and delete the data"),
        (("history", "remove", "7"), "Delete all conversations of import 7 for good?"),
        (("desk", "user", "remove", "ana"), "Remove ana, with what the desk stores about them?"),
    ],
)
def test_other_commands_that_delete_ask_too(
    config: Path, words: tuple[str, ...], question: str
) -> None:
    """Declined, they change nothing."""
    declined = at_a_terminal(config, *words, answer="n\n")
    assert declined.returncode == 1
    assert question in declined.stderr
    assert "Aborted!" in declined.stderr
    assert not declined.stdout
