"""The code base keeps its bounds, as ``make sizes`` counts it."""

from __future__ import annotations

import runpy
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
MODULES, PER_FOLDER = 830, 20
MODULE = '''"""A module."""


class Desk:
    """A public class."""

    class Inner:
        x = 1


class _Private:
    pass
'''


@pytest.fixture(scope="module")
def script() -> dict[str, Any]:
    """The names that ``.ci/sizes`` defines."""
    return runpy.run_path(str(ROOT / ".ci" / "sizes"))


@pytest.fixture(scope="module")
def sizes(script: dict[str, Any]) -> Any:
    """What it counts in this checkout."""
    return script["count"](ROOT)


def test_the_number_of_modules_is_bounded(sizes: Any) -> None:
    """Merge modules that only make sense together, rather than raise the bound."""
    assert len(sizes.modules) <= MODULES


def test_no_public_class_name_is_defined_twice(sizes: Any) -> None:
    """Prefix a generic noun with its subject: `SlackAccounts`, not a second `Accounts`."""
    repeated = {name: places for name, places in sizes.classes.items() if len(places) > 1}
    assert repeated == {}


def test_no_folder_has_more_than_20_modules(sizes: Any) -> None:
    """``__init__.py`` does not count."""
    assert {name: count for name, count in sizes.folders.items() if count > PER_FOLDER} == {}


def test_sizes_counts_modules_statements_and_names(script: dict[str, Any], tmp_path: Path) -> None:
    """Docstrings are no statements, and private classes and nested ones are not public names."""
    folder = tmp_path / "gateway" / "desk"
    folder.mkdir(parents=True)
    (folder / "__init__.py").write_text('"""The desk."""\n', "utf-8")
    for name in ("one", "two"):
        (folder / f"{name}.py").write_text(MODULE, "utf-8")
    found = script["count"](tmp_path)
    assert len(found.modules) == 3
    assert found.folders == {"gateway/desk": 2}
    assert found.classes == {"Desk": ["gateway/desk/one.py", "gateway/desk/two.py"]}
    assert found.statements == 2 * 5  # Desk, Inner, x, _Private, pass
