"""A hook of mkdocs: fills the pages in docs/reference with the public names of the modules that
each page lists, so that a new name is on its page without anybody writing it there.

A page says `<!-- names: gateway.model.messages -->`; mkdocstrings makes the text from docstrings.
"""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
MARK = re.compile(r"^<!-- names: ([\w.]+) -->$", re.MULTILINE)


@cache
def public_names(package: str = "gateway") -> dict[str, list[str]]:
    """The names in the ``__all__`` of ``package``, by the module that defines them, in the order
    of that module."""
    found: dict[str, list[str]] = {}
    for name in _exported(package):
        found.setdefault(_home(name, package), []).append(name)
    return {module: sorted(names, key=_order(module)) for module, names in found.items()}


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Called by mkdocs with the text of each page."""

    def entries(mark: re.Match[str]) -> str:
        package = "gateway.testing" if mark[1].startswith("gateway.testing") else "gateway"
        return "\n\n".join(f"::: {package}.{name}" for name in public_names(package)[mark[1]])

    return MARK.sub(entries, markdown)


def _file(module: str) -> Path:
    path = ROOT.joinpath(*module.split("."))
    source = path.with_suffix(".py")
    return source if source.exists() else path / "__init__.py"


@cache
def _tree(module: str) -> ast.Module:
    return ast.parse(_file(module).read_text("utf-8"))


def _exported(package: str) -> list[str]:
    for node in _tree(package).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
            names: list[str] = ast.literal_eval(node.value)
            return names
    raise ValueError(f"{package} has no __all__")


def _home(name: str, module: str) -> str:
    """The module in which ``name`` is defined, for a package that imports it."""
    for node in ast.walk(_tree(module)):
        if isinstance(node, ast.ImportFrom) and node.module and not node.level:
            for alias in node.names:
                if (alias.asname or alias.name) == name and node.module.startswith("gateway"):
                    return _home(alias.name, node.module)
    return module


def _order(module: str) -> Any:
    text = _file(module).read_text("utf-8")

    def place(name: str) -> int:
        found = re.search(rf"^(?:class |def |async def |@\w+\n)?{name}\b", text, re.MULTILINE)
        return found.start() if found else 0

    return place
