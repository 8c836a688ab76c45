"""The glossary and the code use the same words, and the retired ones are gone."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections import defaultdict
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "glossary.md").read_text("utf-8")
PACKAGES = ("gateway", "channels", "plugins", "brand_voice")
ENTRY = re.compile(r"^(?P<term>[a-z][a-z -]+) \((?P<names>`[^)]+`)\)\n:   ", re.MULTILINE)
ENTRIES = {
    entry["term"]: re.findall(r"`([^`]+)`", entry["names"]) for entry in ENTRY.finditer(PAGE)
}
RETIRED = frozenset(
    (
        "guest", "guests", "tenant", "tenants", "herald", "crew", "deeds", "tongue", "lodger",
        "cellar", "cellars", "lookout", "notebook", "poster", "teller", "town", "patience",
        "proofs",
    )
)  # fmt: skip
"""Words of the past that no name may use."""
KEPT = frozenset({"notes_of_guests", "guest"})
"""Names of a table and its column, which stay as they are."""
TABLES = ROOT / "gateway" / "adapters" / "sql"
"""Where they may be used."""


@cache
def _defined() -> dict[str, set[str]]:
    """Every class and function of the code, with the members of each class."""
    found: dict[str, set[str]] = defaultdict(set)
    for file in (file for name in PACKAGES for file in (ROOT / name).rglob("*.py")):
        for node in ast.parse(file.read_text("utf-8")).body:
            if isinstance(node, ast.ClassDef):
                for part in node.body:
                    if isinstance(part, ast.AnnAssign) and isinstance(part.target, ast.Name):
                        found[node.name].add(part.target.id)
                    elif isinstance(part, ast.FunctionDef | ast.AsyncFunctionDef):
                        found[node.name].add(part.name)
                found[node.name] |= set()
            elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                found[node.name] |= set()
            elif isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
                found[node.targets[0].id] |= set()
    return found


def test_every_entry_names_its_code() -> None:
    """Each definition stands below a term with the code's names; terms are in order."""
    assert len(ENTRIES) == PAGE.count("\n:   ")
    assert list(ENTRIES) == sorted(ENTRIES)


@pytest.mark.parametrize(("term", "names"), list(ENTRIES.items()), ids=list(ENTRIES))
def test_the_code_uses_the_word_of_the_glossary(term: str, names: list[str]) -> None:
    """Each name exists, and one of them holds a word of the term."""
    defined = _defined()
    for name in names:
        owner, _, member = name.partition(".")
        assert owner in defined, name
        assert not member or member in defined[owner], name
    joined = " ".join(names).replace("_", "").lower()
    kin = {"rendering": "rendered", "warm transfer": "transfer"}
    assert any(word in joined for word in term.split()) or kin[term] in joined


def test_no_name_uses_a_retired_word() -> None:
    """Names of modules, classes, functions and variables are the field's words."""
    found = set()
    for file in (file for name in PACKAGES for file in (ROOT / name).rglob("*.py")):
        names = [(file.stem, 0)]
        with file.open("rb") as lines:
            names += [
                (token.string, token.start[0])
                for token in tokenize.tokenize(io.BytesIO(lines.read()).readline)
                if token.type == tokenize.NAME
            ]
        for name, line in names:
            words = set(re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower().split("_"))
            if words & RETIRED and name not in KEPT and "migrations" not in file.parts:
                found.add(f"{file.relative_to(ROOT)}:{line} {name}")
    assert not found
