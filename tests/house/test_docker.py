"""The container files, as far as they can be read without a container engine."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
DOCKERFILE = (ROOT / "docker" / "Dockerfile").read_text("utf-8")
COMPOSE = yaml.safe_load((ROOT / "docker" / "compose.yaml").read_text("utf-8"))
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))


def _instructions() -> list[tuple[str, str]]:
    whole = re.sub(r"\\\n", " ", re.sub(r"^#.*\n", "", DOCKERFILE, flags=re.MULTILINE))
    return [tuple(line.split(None, 1)) for line in whole.splitlines() if line.strip()]  # type: ignore[misc]


def _copied() -> set[str]:
    return {
        name
        for word, rest in _instructions()
        if word == "COPY" and not rest.startswith("--from")
        for name in rest.split()[:-1]
    }


def test_it_copies_what_exists() -> None:
    """Every file that the image is built from is there, and let through to the build."""
    ignore = (ROOT / "docker" / "Dockerfile.dockerignore").read_text("utf-8").splitlines()
    for name in _copied():
        assert (ROOT / name).exists(), name
        assert f"!{name}" in ignore, name


def test_all_that_is_packaged_is_copied() -> None:
    """A package that the wheel holds is in the image's sources."""
    wheel = PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]
    assert set(wheel["packages"]) <= _copied()
    assert {source.partition("/")[0] for source in wheel.get("force-include", {})} <= _copied()


def test_nothing_unlocked_is_installed() -> None:
    """Every installation is by hash, or of our own wheel without an index."""
    installs = [part for word, rest in _instructions() if word == "RUN"
                for part in rest.split("&&") if "pip install" in part]  # fmt: skip
    assert len(installs) == 3
    assert all("--require-hashes" in one or "--no-index --no-deps" in one for one in installs)


@pytest.mark.parametrize("word", ["USER", "HEALTHCHECK", "STOPSIGNAL"])
def test_it_behaves(word: str) -> None:
    """It runs without rights, tells its health and drains when stopped."""
    values = [rest for name, rest in _instructions() if name == word]
    assert len(values) == 1
    assert values[0] not in {"root", "0", "NONE", "SIGKILL"}


def test_compose_runs_that_file() -> None:
    """compose builds this Dockerfile, keeps the data and leaves time to drain."""
    service = COMPOSE["services"]["warmline"]
    assert (ROOT / "docker" / service["build"]["context"]).resolve() == ROOT
    assert (ROOT / service["build"]["dockerfile"]).is_file()
    data = re.search(r"WARMLINE_DATA_DIR=(\S+)", DOCKERFILE)
    assert data
    assert f"data:{data[1]}" in service["volumes"]
    assert "data" in COMPOSE["volumes"]
    assert int(service["stop_grace_period"].removesuffix("s")) > 10
