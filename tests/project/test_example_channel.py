"""The example channel is a package of its own: it is installed, passes its own tests, and needs
only settings to be awake."""

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
    """The package, installed into its own folder."""
    place = tmp_path_factory.mktemp("pager")
    shutil.copytree(EXAMPLE, place, dirs_exist_ok=True)
    _run(
        place, "python", "-m", "pip", "install", "--quiet", "--no-index", "--no-deps",
        "--no-build-isolation", "--target", "site", ".",
    )  # fmt: skip
    (place / "warmline_pager.py").unlink()  # its tests must import the installed one
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
    """A complete channel has at most 120 lines."""
    assert len((EXAMPLE / "warmline_pager.py").read_text("utf-8").splitlines()) <= 120


def test_it_passes_its_own_tests(site: Path) -> None:
    """They include the contract of channels."""
    assert " passed" in _run(site, "pytest", "-q", "-p", "no:cacheprovider", "tests")


def test_settings_alone_wake_it(site: Path) -> None:
    """It is listed like our own channels: asleep with what is missing, then awake."""
    (site / "warmline.yaml").write_text(SETTINGS.replace("{api", "auto  # {api"), "utf-8")
    [asleep] = [line for line in _run(site, "warmline", "channels").splitlines() if "pager" in line]
    assert "asleep" in asleep
    assert "PAGER_TOKEN" in asleep
    (site / "warmline.yaml").write_text(SETTINGS, "utf-8")
    listed = _run(site, "warmline", "channels", PAGER_TOKEN="t", PAGER_SECRET="s")
    [awake] = [line for line in listed.splitlines() if "pager" in line]
    assert "awake" in awake
