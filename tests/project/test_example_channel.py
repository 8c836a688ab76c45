"""The example channels are packages of their own: each is installed, passes its own tests, and
needs only settings to be awake."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"
SECTIONS = {
    "pager": ("PAGER_TOKEN", "PAGER_SECRET"),
    "postbox": ("POSTBOX_TOKEN",),
}
"""The example channels, and the variables that each needs besides `api_base`."""
SETTINGS = """
brand_voice: {}
channels:
  NAME: {api_base: "https://provider.example"}
"""


@pytest.fixture(scope="module", params=list(SECTIONS))
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def site(name: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package, installed into its own folder."""
    place = tmp_path_factory.mktemp(name)
    shutil.copytree(EXAMPLES / name, place, dirs_exist_ok=True)
    _run(
        place, "python", "-m", "pip", "install", "--quiet", "--no-index", "--no-deps",
        "--no-build-isolation", "--target", "site", ".",
    )  # fmt: skip
    (place / f"warmline_{name}.py").unlink()  # its tests must import the installed one
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


def test_it_is_short(name: str) -> None:
    """A complete channel has at most 150 lines."""
    source = EXAMPLES / name / f"warmline_{name}.py"
    assert len(source.read_text("utf-8").splitlines()) <= 150


def test_it_passes_its_own_tests(site: Path) -> None:
    """They include the contract of channels."""
    assert " passed" in _run(site, "pytest", "-q", "-p", "no:cacheprovider", "tests")


def test_settings_alone_wake_it(name: str, site: Path) -> None:
    """It is listed like our own channels: asleep with what is missing, then awake."""
    settings, variables = SETTINGS.replace("NAME", name), SECTIONS[name]
    (site / "warmline.yaml").write_text(settings.replace("{api", "auto  # {api"), "utf-8")
    [asleep] = [line for line in _run(site, "warmline", "channels").splitlines() if name in line]
    assert "asleep" in asleep
    assert variables[0] in asleep
    (site / "warmline.yaml").write_text(settings, "utf-8")
    listed = _run(site, "warmline", "channels", **dict.fromkeys(variables, "t"))
    [awake] = [line for line in listed.splitlines() if name in line]
    assert "awake" in awake
