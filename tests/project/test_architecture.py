"""docs/architecture.md and docs/glossary.md describe the code as it is."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "architecture.md").read_text("utf-8")
PACKAGES = ("gateway", "channels", "plugins", "brand_voice")


def _table(heading: str) -> list[list[str]]:
    """The rows of the first table below ``heading``, without its head."""
    section = PAGE.split(f"## {heading}\n", 1)[1].split("\n## ", 1)[0]
    rows = [line.strip("|").split("|") for line in section.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in row] for row in rows[2:]]


def _folder(module: str) -> str:
    """The row of the map that ``module`` belongs to: ``gateway.web.errors`` is ``web``."""
    package, *rest = module.split(".")
    return rest[0] if package == "gateway" and rest else f"{package}/"


def _modules() -> Iterator[tuple[str, ast.Module]]:
    for file in (file for name in PACKAGES for file in (ROOT / name).rglob("*.py")):
        parts = file.relative_to(ROOT).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        yield name, ast.parse(file.read_text("utf-8"))


@cache
def _imports() -> dict[str, set[str]]:
    """For each folder the other folders of the gateway that it imports."""
    found: dict[str, set[str]] = defaultdict(set)
    for name, tree in _modules():
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and node.module and not node.level:
                targets = [f"{node.module}.{alias.name}" for alias in node.names]
            elif isinstance(node, ast.Import):
                targets = [alias.name for alias in node.names]
            else:
                continue
            for target in targets:
                package, *rest = target.split(".")
                if package == "gateway" and rest and _is_folder(rest[0]):
                    found[_folder(name)].add(rest[0])
    return {name: targets - {name} for name, targets in found.items()}


def _is_folder(name: str) -> bool:
    """Whether ``gateway`` has a module of this name (and not only a public name)."""
    path = ROOT / "gateway" / name
    return path.is_dir() or path.with_suffix(".py").is_file()


def test_every_folder_is_on_the_map() -> None:
    """A new folder needs a line on the map; a line needs a folder."""
    there = {f"gateway/{path.name}" for path in (ROOT / "gateway").iterdir()
             if path.name[:2] != "__" and (path.is_dir() or path.suffix == ".py")}  # fmt: skip
    there |= {"channels", "plugins", "brand_voice"}
    assert {row[0].strip("`") for row in _table("The map")} == there


@pytest.mark.parametrize("row", _table("The map"), ids=lambda row: row[0].strip("`"))
def test_the_arrows_of_the_map_are_the_imports(row: list[str]) -> None:
    """Each folder imports exactly the folders in its row."""
    folder = row[0].strip("`").removeprefix("gateway/").removesuffix(".py")
    imported = _imports().get(folder, set()) if row[0].startswith("`gateway/") else set()
    assert {name for name in row[2].split(", ") if name} == imported


@pytest.mark.parametrize("row", _table("Where do I look?"), ids=lambda row: row[0])
def test_what_a_reader_looks_for_is_there(row: list[str]) -> None:
    """Each question is answered in at most three places, and each place exists."""
    places = [cell for cell in row[1:] if cell]
    assert 1 <= len(places) <= 3
    for place in places:
        path, *names = re.findall(r"`([^`]+)`", place)
        text = (ROOT / path).read_text("utf-8")
        for name in names:
            assert re.search(rf"^(?:class|def|async def) {name}\b", text, re.MULTILINE), place
