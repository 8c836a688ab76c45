"""The page on security tells of tests that exist, and of every attack that is made."""

from __future__ import annotations

import ast
import re
from pathlib import Path

TESTS = Path(__file__).parents[1]
PAGE = (TESTS.parent / "docs" / "security.md").read_text("utf-8")
NAMED = set(re.findall(r"`([\w/]+\.py)::(test_\w+)`", PAGE))
DOORS = ("REST", "web chat", "e-mail", "SMS, WhatsApp", "Telegram", "Slack", "desk", "command line",
         "database", "Redis", "outgoing")  # fmt: skip


def _tests(file: Path) -> set[str]:
    tree = ast.parse(file.read_text("utf-8"))
    return {
        node.name
        for node in tree.body
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.name.startswith("test_")
    }


def test_a_row_named_a_test_that_is_not_there() -> None:
    """Each test of the tables exists, in the file that they say."""
    assert len(NAMED) > 50
    for file, name in sorted(NAMED):
        assert (TESTS / file).is_file(), file
        assert name in _tests(TESTS / file), f"{file}::{name}"


def test_an_attack_had_no_row() -> None:
    """Each attack of this folder stands in the table."""
    rows = {name for file, name in NAMED if file.startswith("security/")}
    mine = _tests(Path(__file__).with_name("test_attacks.py"))
    assert mine - rows <= {"test_a_coding_nobody_speaks"}


def test_a_door_was_forgotten() -> None:
    """Every door has a row, and each row says what shows it."""
    table = PAGE.partition("## STRIDE")[2].partition("\n## ")[0]
    rows = [line.split(" | ") for line in table.splitlines() if line.startswith("| ")][1:]
    assert {row[0].removeprefix("| ") for row in rows} >= set(DOORS)
    for row in rows:
        assert re.fullmatch(r"(`[\w/]+\.py::\w+`|not tested: .+) \|", row[3]), row
