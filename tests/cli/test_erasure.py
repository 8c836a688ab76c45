"""``warmline customer erase`` says in its exit code whether everything is gone."""

from __future__ import annotations

import gzip
import json
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
def erase(tmp_path: Path) -> Result:
    """Ana is erased, who is in the archive; another archive is damaged."""
    file, archive = tmp_path / "warmline.yaml", tmp_path / "archive"
    file.write_text(CONFIG.format(folder=tmp_path), "utf-8")
    archive.mkdir()
    with gzip.open(archive / "conversations-2026-01.jsonl.gz", "wt", encoding="utf-8") as lines:
        lines.write(json.dumps(ARCHIVED) + "\n")
    (archive / "conversations-2026-02.jsonl.gz").write_bytes(b"\x1f\x8bbroken")
    words = ["customer", "erase", "rest:ana", "--config", str(file)]
    return CliRunner().invoke(command(), words, obj=open_services)


def test_a_damaged_archive_is_an_exit_code_of_its_own(erase: Result) -> None:
    """A script that erases must not take it for done: there may be more in it."""
    assert erase.exit_code == 4
    assert "1 archived conversation" in erase.stdout
    assert "conversations-2026-02.jsonl.gz is damaged" in erase.stderr
