"""docs/security.md names tests that exist, and every attack that is tested."""

from __future__ import annotations

import ast
import re
from pathlib import Path

TESTS = Path(__file__).parents[1]
PAGE = (TESTS.parent / "docs" / "security.md").read_text("utf-8")
NAMED = set(re.findall(r"`([\w/]+\.py)::(test_\w+)`", PAGE))
SURFACES = (
    *("REST", "web chat", "e-mail", "SMS, WhatsApp", "Telegram", "Slack"),
    *("desk", "command line", "database", "Redis", "outgoing"),
)


def _tests(file: Path) -> set[str]:
    tree = ast.parse(file.read_text("utf-8"))
    return {
        node.name
        for node in tree.body
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.name.startswith("test_")
    }


def test_every_named_test_exists() -> None:
    """Each test in the tables exists, in the file that they name."""
    assert len(NAMED) > 50
    for file, name in sorted(NAMED):
        assert (TESTS / file).is_file(), file
        assert name in _tests(TESTS / file), f"{file}::{name}"


def test_every_attack_has_a_row() -> None:
    """Each test in test_attacks.py is in a table."""
    rows = {name for file, name in NAMED if file.startswith("security/")}
    attacks = _tests(Path(__file__).with_name("test_attacks.py"))
    assert attacks - rows <= {"test_an_unknown_content_encoding_is_a_client_error"}


def test_every_surface_has_a_row() -> None:
    """Every surface has a row, and each row names a test or says that there is none."""
    table = PAGE.partition("## STRIDE")[2].partition("\n## ")[0]
    rows = [line.split(" | ") for line in table.splitlines() if line.startswith("| ")][1:]
    assert {row[0].removeprefix("| ") for row in rows} >= set(SURFACES)
    for row in rows:
        assert re.fullmatch(r"(`[\w/]+\.py::\w+`|not tested: .+) \|", row[3]), row
