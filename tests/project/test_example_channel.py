"""A stranger's channel: a package of its own, installed, tested by its own tests, and woken by
settings alone."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLE = Path(__file__).parents[1] / "example_channel"
SETTINGS = """
brand_voice: {}
channels:
  pager: {api_base: "https://pager.example"}
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package, built and installed into a folder of its own."""
    place = tmp_path_factory.mktemp("pager")
    shutil.copytree(EXAMPLE, place, dirs_exist_ok=True)
    _run(
        place, "python", "-m", "pip", "install", "--quiet", "--no-index", "--no-deps",
        "--no-build-isolation", "--target", "site", ".",
    )  # fmt: skip
    (place / "warmline_pager.py").unlink()  # its tests are to find what is installed
    return place


def _run(place: Path, program: str, *arguments: str, **environment: str) -> str:
    path = os.pathsep.join([str(place / "site"), os.environ["PYTHONPATH"]])
    done = subprocess.run(
        [Path(sys.executable).with_name(program), *arguments],
        cwd=place,
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"PYTHONPATH": path} | environment,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_it_is_short() -> None:
    """A whole channel takes at most 120 lines."""
    assert len((EXAMPLE / "warmline_pager.py").read_text("utf-8").splitlines()) <= 120


def test_it_keeps_the_contract(site: Path) -> None:
    """Its own tests pass where it is installed."""
    assert " passed" in _run(site, "pytest", "-q", "-p", "no:cacheprovider", "tests")


def test_settings_alone_wake_it(site: Path) -> None:
    """Listed like our own; asleep with what is missing, awake with it."""
    (site / "warmline.yaml").write_text(SETTINGS.replace("{api", "auto  # {api"), "utf-8")
    [asleep] = [line for line in _run(site, "warmline", "channels").splitlines() if "pager" in line]
    assert "asleep" in asleep
    assert "PAGER_TOKEN" in asleep
    (site / "warmline.yaml").write_text(SETTINGS, "utf-8")
    listed = _run(site, "warmline", "channels", PAGER_TOKEN="t", PAGER_SECRET="s")
    [awake] = [line for line in listed.splitlines() if "pager" in line]
    assert "awake" in awake
