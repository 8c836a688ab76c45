"""``warmline customer erase`` says in its exit code whether everything is gone, and on a terminal
it asks first, as every command does that deletes."""

from __future__ import annotations

import asyncio
import gzip
import json
import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from gateway.cli.common import open_services
from gateway.cli.main import command
from gateway.ops.retention import DeletedCounts, RetentionJob

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
    """Runs the command with a terminal at its stdin and stderr, where somebody types ``answer``."""
    keyboard, terminal = os.openpty()
    screen, shown = os.openpty()
    try:
        os.write(keyboard, answer.encode())
        done = subprocess.run(
            [Path(sys.executable).with_name("warmline"), *words, "--config", str(config)],
            stdin=terminal, stdout=subprocess.PIPE, stderr=shown, text=True, check=False,
            timeout=60,
        )  # fmt: skip
        os.write(shown, b"\0")
        seen = b""
        while not seen.endswith(b"\0"):
            seen += os.read(screen, 4096)
        done.stderr = seen.decode()
        return done
    finally:
        for end in (keyboard, terminal, screen, shown):
            os.close(end)


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
    assert "1 archived conversation" in done.stdout


def test_yes_skips_the_question(config: Path) -> None:
    """As a script does that has a terminal."""
    done = at_a_terminal(config, *ERASE, "--yes")
    assert done.returncode == 0
    assert "[y/N]" not in done.stderr
    assert "1 archived conversation" in done.stdout


OLD = (
    "INSERT INTO customers (id, opted_out, created_at) VALUES (1, false, 0)",
    """INSERT INTO conversations
    (id, customer_id, channel, address, lane, state, epoch, tier, mood, opened_at)
    VALUES (1, 1, 'rest', 'y', 'rest:y', 'bot', 0, 'bot', 'calm', 0)""",
)


def test_retention_counts_only_for_a_question(config: Path) -> None:
    """Declined, it deletes nothing; with ``--yes`` it does not count before it deletes."""
    at_a_terminal(config, "migrate")
    with sqlite3.connect(config.with_name("var") / "warmline.db") as database:
        for statement in OLD:
            database.execute(statement)
    database.close()
    declined = at_a_terminal(config, "retention", "run", answer="n\n")
    assert declined.returncode == 1
    assert "Delete for good, as `retention` says: 1 conversation? [y/N]" in declined.stderr
    done = at_a_terminal(config, "retention", "run", "--yes")
    assert "1 conversations deleted" in done.stdout
    assert "[y/N]" not in done.stderr


async def test_retention_runs_once_where_nobody_is_asked(
    config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A script would pay for the count of a large database, and throw it away."""
    runs: list[bool] = []

    async def run(_: RetentionJob, *, dry: bool = False) -> DeletedCounts:
        runs.append(dry)
        return DeletedCounts()

    monkeypatch.setattr(RetentionJob, "run", run)
    words = ["retention", "run", "--config", str(config)]
    done = await asyncio.to_thread(CliRunner().invoke, command(), words, obj=open_services)
    assert done.exit_code == 0
    assert runs == [False]


def test_a_source_of_knowledge_is_removed_after_a_yes(config: Path) -> None:
    """Declined, it stays, with what was read of it."""
    folder = config.with_name("texts")
    folder.mkdir()
    (folder / "returns.md").write_text("# Returns\n\nYou may return a lamp.\n", "utf-8")
    at_a_terminal(config, "knowledge", "add", str(folder))
    declined = at_a_terminal(config, "knowledge", "remove", "1", answer="n\n")
    assert declined.returncode == 1
    assert f"Remove {folder} with 1 document? [y/N]" in declined.stderr
    done = at_a_terminal(config, "knowledge", "remove", "1", answer="y\n")
    assert done.stdout == f"removed {folder} with 1 document\n"


def test_nobody_is_asked_who_does_not_see_the_question(config: Path) -> None:
    """As with ``2>>log`` in a script that was started from a terminal: it goes on, and does not
    wait for ever."""
    keyboard, terminal = os.openpty()
    try:
        done = subprocess.run(
            [Path(sys.executable).with_name("warmline"), *ERASE, "--config", str(config)],
            stdin=terminal, capture_output=True, text=True, check=False, timeout=60,
        )  # fmt: skip
    finally:
        os.close(keyboard)
        os.close(terminal)
    assert done.returncode == 0
    assert "[y/N]" not in done.stderr
    assert "1 archived conversation" in done.stdout


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
