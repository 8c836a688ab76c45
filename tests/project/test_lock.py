"""Dependencies are locked, agree with pyproject.toml, and are not too large."""

from __future__ import annotations

import re
import tomllib
from importlib.metadata import distribution
from pathlib import Path

import pytest
from packaging.markers import default_environment
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
LOCKS = {
    "requirements.txt": PROJECT["project"]["dependencies"],
    "requirements-build.txt": PROJECT["dependency-groups"]["build"],
    "requirements-dev.txt": PROJECT["dependency-groups"]["dev"],
}
PIN = re.compile(
    r"^([\w.-]+)==([^\s;\\]+)([^\\]*)\\\n((?:    --hash=sha256:[0-9a-f]{64}.*\n)+)", re.M
)


def _pins(lock: str) -> list[tuple[Requirement, str]]:
    text = (ROOT / lock).read_text("utf-8")
    found = PIN.findall(text)
    entries = [line for line in text.splitlines() if line[:1] not in {"", " ", "#"}]
    assert len(found) == len(entries), "an entry without a hash"
    return [(Requirement(f"{name}=={version}{mark}"), version) for name, version, mark, _ in found]


@pytest.mark.parametrize("lock", LOCKS)
def test_the_lock_is_current(lock: str) -> None:
    """Each dependency in pyproject.toml is locked with hashes, in an allowed version."""
    locked = {canonicalize_name(pin.name): version for pin, version in _pins(lock)}
    for asked in map(Requirement, LOCKS[lock]):
        name = canonicalize_name(asked.name)
        assert name in locked, f"{name}: run `make lock`"
        assert asked.specifier.contains(locked[name], prereleases=True), f"{name}: run `make lock`"


def test_the_locks_agree() -> None:
    """No two locks have different versions of a package, since they share one environment."""
    seen: dict[str, set[str]] = {}
    for lock in LOCKS:
        for pin, version in _pins(lock):
            seen.setdefault(f"{canonicalize_name(pin.name)} {pin.marker}", set()).add(version)
    assert {name: versions for name, versions in seen.items() if len(versions) > 1} == {}


def test_the_environment_is_not_too_large() -> None:
    """What `make run` installs stays below 500 MB, with Python's own files (about 15). Twilio's SDK
    takes 48 of them."""
    environment = default_environment()
    total = 0
    for pin, _ in _pins("requirements.txt"):
        if pin.marker is None or pin.marker.evaluate(dict(environment)):
            files = distribution(pin.name).files or []
            total += sum(file.locate().stat().st_size for file in files if file.locate().is_file())
    assert total < 480_000_000, f"{total / 1e6:.0f} MB"
    assert total > 50_000_000
