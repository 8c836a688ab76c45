"""Who may import whom: every contract of import-linter holds, and breaks when it should."""

from __future__ import annotations

import ast
import itertools
import shutil
import subprocess
import sys
import tomllib
from importlib import import_module
from pathlib import Path

import pytest

import gateway

ROOT = Path(__file__).parents[2]
PACKAGES = ("gateway", "channels", "plugins", "brand_voice")
FOUND = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["importlinter"]
CONTRACTS = {contract["id"]: contract["name"] for contract in FOUND["contracts"]}
LAYERS = [
    layer.strip("()")
    for contract in FOUND["contracts"]
    if contract["id"] == "layers"
    for layer in contract["layers"]
]


def test_public_names_are_those_of_the_layers() -> None:
    """Every name of `gateway` is there when it is asked for, and is the one that the type checker
    is shown; no other is."""
    shown: dict[str, object] = {}
    for part in ast.walk(ast.parse(Path(gateway.__file__).read_text("utf-8"))):
        if isinstance(part, ast.ImportFrom) and part.module and part.module.startswith("gateway."):
            made = import_module(part.module)
            shown |= {one.name: getattr(made, one.name) for one in part.names}
    assert sorted(shown) == sorted(gateway.__all__)
    assert all(getattr(gateway, name) is found for name, found in shown.items())
    with pytest.raises(AttributeError, match="Nonsense"):
        getattr(gateway, "Nonsense")  # noqa: B009  (the type checker knows better)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A copy of what is linted, to be broken."""
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    for package in PACKAGES:
        shutil.copytree(
            ROOT / package, tmp_path / package, ignore=lambda _, names: _not_python(names)
        )
    return tmp_path


def _not_python(names: list[str]) -> list[str]:
    return [name for name in names if name == "__pycache__" or ("." in name and name[-3:] != ".py")]


def _verdicts(tree: Path) -> dict[str, str]:
    program = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run(
        [program, "--no-cache", "--no-logo"], cwd=tree, capture_output=True, text=True, check=False
    )
    found = {
        key: verdict
        for line in done.stdout.splitlines()
        for key, name in CONTRACTS.items()
        for verdict in ("KEPT", "BROKEN")
        if line.startswith(f"{name} {verdict}")
    }
    assert found.keys() == CONTRACTS.keys(), done.stdout + done.stderr
    assert (done.returncode == 0) == (set(found.values()) == {"KEPT"})
    return found


def _add_import(tree: Path, module: str, line: str) -> None:
    place = tree.joinpath(*module.split("."))
    file = place / "__init__.py" if place.is_dir() else place.with_suffix(".py")
    before = file.read_text("utf-8") if file.exists() else ""
    file.write_text(f"{before}\n{line}\n", "utf-8")


def test_the_tree_keeps_every_contract(tree: Path) -> None:
    """The tree as it is keeps every contract."""
    assert set(_verdicts(tree).values()) == {"KEPT"}


@pytest.mark.parametrize(("contract", "module", "line"), [
    *[("layers", f"gateway.{low}", f"import gateway.{high}")
      for high, low in itertools.pairwise(LAYERS)],
    ("layers", "gateway.model", "def later():\n    from gateway.cli import main"),
    ("layers", "gateway.attic", "import gateway.model"),
    ("public", "channels.intruder", "from gateway.model import Address"),
    ("public", "plugins.intruder", "from gateway import ports"),
    ("public", "brand_voice.intruder", "import gateway.desk"),
    ("public", "plugins.intruder", "from gateway.testing import running"),
    ("exports", "gateway", "import gateway.desk"),
    ("host", "gateway.desk.intruder", "import channels.rest"),
    ("host", "gateway.web.intruder", "def later():\n    import plugins.faq"),
    ("host", "gateway.app", "import brand_voice"),
    ("plugins", "channels.intruder", "import channels.rest"),
    ("plugins", "channels.intruder", "import plugins.faq"),
    ("plugins", "plugins.intruder", "import brand_voice"),
    ("plugins", "brand_voice.intruder", "import channels.rest"),
    ("slack", "channels.slack.agents.intruder", "import channels.slack.customers"),
])  # fmt: skip
def test_a_contract_breaks(tree: Path, contract: str, module: str, line: str) -> None:
    """One offending import breaks the contract that forbids it."""
    _add_import(tree, module, line)
    assert _verdicts(tree)[contract] == "BROKEN"


def test_every_contract_has_a_breaking_case() -> None:
    """Each contract is broken by at least one case above."""
    marks = test_a_contract_breaks.pytestmark  # type: ignore[attr-defined]
    tried = {case[0] for mark in marks for case in mark.args[1]}
    assert tried == CONTRACTS.keys()
