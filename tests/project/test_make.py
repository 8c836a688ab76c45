"""The make targets that people script against."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests.conftest import needs

ROOT = Path(__file__).parents[2]


def _dry(tmp_path: Path, *arguments: str) -> str:
    """What ``make`` would run in a new checkout."""
    command = [needs("make"), "-n", f"VENV={tmp_path}/new", *arguments]
    own = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    done = subprocess.run(command, cwd=ROOT, env=own, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize(("arguments", "runs"), [
    (["run", "PORT=9123"], ["warmline serve --port 9123"]),
    (["run"], ["warmline serve --port 8080"]),
    (["test"], ["-r requirements-dev.txt", "pytest -q"]),
    (["check"], ["ruff check", "ruff format --check", "mypy", "lint-imports", "mkdocs build"]),
    (["bench"], [".ci/opsdroid", "python -m tests.bench"]),
    (["crash", "KILLS=200"], ["python -m tests.crash", "200"]),
    (["lock"], ["-o requirements.txt", "-o requirements-build.txt", "-o requirements-dev.txt"]),
])  # fmt: skip
def test_a_target_runs(tmp_path: Path, arguments: list[str], runs: list[str]) -> None:
    """Each target installs what is locked, then runs its programs."""
    planned = _dry(tmp_path, *arguments)
    for part in runs:
        assert part in planned
    for line in planned.splitlines():
        if "pip install" in line:
            assert "--require-hashes" in line or "--no-build-isolation --no-deps -e ." in line


def test_make_run_installs_no_test_tools(tmp_path: Path) -> None:
    """It needs no requirements-dev.txt."""
    assert "requirements-dev.txt" not in _dry(tmp_path, "run")


def test_a_warm_start_installs_nothing(tmp_path: Path) -> None:
    """If nothing has changed since the installation, `make run` starts the server at once."""
    place = tmp_path / "new"
    place.mkdir()
    for stamp in (".python", ".locked", ".project"):
        (place / stamp).touch()
    [only] = _dry(tmp_path, "run").splitlines()
    assert only.endswith(f" exec {place}/bin/warmline serve --port 8080")
