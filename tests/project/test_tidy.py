"""The repository is tidy: a short top level, no hosts of registries, no paths of a machine."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TOP = {
    ".ci", ".gitignore", "CHANGELOG.md", "LICENSE", "Makefile", "README.md", "brand_voice",
    "channels", "docker", "docs", "examples", "gateway", "mkdocs.yml", "plugins",
    "pyproject.toml", "requirements-build.txt", "requirements-dev.txt",
    "requirements-semantic.txt", "requirements.txt", "tests",
}  # fmt: skip

# Built from parts, so that this file itself contains none of them.
HOSTS = [
    f"{name}.{end}"
    for end, names in {
        "org": ("pypi", "pythonhosted", "npmjs", "deb.debian"),
        "com": ("npmjs", "unpkg"),
        "io": ("docker", "ghcr", "crates"),
        "net": ("jsdelivr",),
    }.items()
    for name in names
]
OPTIONS = [f"--{name}" for name in ("index-url", "extra-index-url", "find-links", "trusted-host")]
PLACES = re.compile(r"(?<![\w.$}~])/(?:work|root|home/\w+|Users/\w+|opt/(?:wheels|pypi\S*)|tmp)/\w")


def _tracked() -> list[Path]:
    done = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if done.returncode:
        pytest.skip("not a git checkout")
    return [ROOT / name for name in done.stdout.split("\0") if name and (ROOT / name).is_file()]


def _lines() -> list[tuple[str, int, str]]:
    found = []
    for path in _tracked():
        try:
            text = path.read_text("utf-8")
        except UnicodeDecodeError:
            continue  # an image, or a mail with other bytes
        name = str(path.relative_to(ROOT))
        found += [(name, number, line) for number, line in enumerate(text.splitlines(), 1)]
    return found


def test_the_top_level_is_short() -> None:
    """Each entry at the top is listed above."""
    assert {path.relative_to(ROOT).parts[0] for path in _tracked()} <= TOP


def test_no_registry_is_named() -> None:
    """Only a machine's own configuration says where packages come from."""
    named = [
        f"{name}:{number}: {word}"
        for name, number, line in _lines()
        for word in [*HOSTS, *OPTIONS]
        if word in line
    ]
    assert named == []


def test_no_machine_is_named() -> None:
    """No file has a path of the machine that it was written on."""
    named = [
        f"{name}:{number}: {line.strip()[:80]}"
        for name, number, line in _lines()
        if PLACES.search(line)
    ]
    assert named == []


def test_scripts_are_executable() -> None:
    """git stores the mode of the scripts in .ci."""
    done = subprocess.run(
        ["git", "ls-files", "-s", ".ci"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    modes = {line.split("\t")[1]: line.split()[0] for line in done.stdout.splitlines()}
    assert modes[".ci/run"] == modes[".ci/python"] == "100755"
