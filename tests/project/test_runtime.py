"""Without the packages for development, the command and every plugin start."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

ROOT = Path(__file__).parents[2]
PROGRAM = """
import sys
for name in sys.argv[1].split(","):
    sys.modules[name] = None  # an import of it fails
from gateway.cli.main import command
from gateway.plugins import installed_plugins
command()
installed_plugins()
"""


def _names(file: str) -> set[str]:
    lines = (ROOT / file).read_text("utf-8").splitlines()
    return {line.split("==")[0].lower() for line in lines if "==" in line and line[0].isalpha()}


def test_the_command_starts_without_packages_for_tests() -> None:
    """The packages that only requirements-dev.txt has cannot be imported; all plugins start."""
    only_dev = _names("requirements-dev.txt") - _names("requirements.txt")
    only_dev |= {
        name.lower()
        for group in tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))[
            "dependency-groups"
        ].values()
        for name in group
        if isinstance(name, str) and ">=" not in name
    }
    modules = [
        module
        for module, packages in packages_distributions().items()
        if all(package.lower().replace("_", "-") in only_dev for package in packages)
    ]
    assert "pytest" in modules
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, ",".join(modules)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
