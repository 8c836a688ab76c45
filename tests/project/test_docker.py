"""The container files, checked without a container engine."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from gateway.settings import WorkerSettings
from tests.conftest import needs

ROOT = Path(__file__).parents[2]
DOCKER = ROOT / "docker"
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
    """Every file that the image is built from exists, and is not ignored by the build."""
    ignore = (ROOT / "docker" / "Dockerfile.dockerignore").read_text("utf-8").splitlines()
    for name in _copied():
        assert (ROOT / name).exists(), name
        assert f"!{name}" in ignore, name


def test_every_package_is_copied() -> None:
    """The packages of the wheel are among the image's sources."""
    wheel = PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]
    assert set(wheel["packages"]) <= _copied()
    assert {source.partition("/")[0] for source in wheel.get("force-include", {})} <= _copied()


def test_nothing_unlocked_is_installed() -> None:
    """Every installation checks hashes, or installs our own wheel without an index."""
    installs = [part for word, rest in _instructions() if word == "RUN"
                for part in rest.split("&&") if "pip install" in part]  # fmt: skip
    assert len(installs) == 3
    assert all("--require-hashes" in one or "--no-index --no-deps" in one for one in installs)


@pytest.mark.parametrize("word", ["USER", "HEALTHCHECK", "STOPSIGNAL"])
def test_the_image_is_unprivileged_and_stops_cleanly(word: str) -> None:
    """It has a user without privileges, a health check, and a signal that drains."""
    values = [rest for name, rest in _instructions() if name == word]
    assert len(values) == 1
    assert values[0] not in {"root", "0", "NONE", "SIGKILL"}


def test_compose_uses_the_dockerfile() -> None:
    """It keeps the data in a volume, and leaves time to drain."""
    service = COMPOSE["services"]["warmline"]
    assert (ROOT / "docker" / service["build"]["context"]).resolve() == ROOT
    assert (ROOT / service["build"]["dockerfile"]).is_file()
    data = re.search(r"WARMLINE_DATA_DIR=(\S+)", DOCKERFILE)
    assert data
    assert f"data:{data[1]}" in service["volumes"]
    assert "data" in COMPOSE["volumes"]
    assert int(service["stop_grace_period"].removesuffix("s")) > 10


def _cluster() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((DOCKER / "cluster.yaml").read_text("utf-8"))
    return found


def _tool(name: str) -> str:
    """The path of a program in this environment, else on this machine."""
    beside = Path(sys.executable).with_name(name)
    return str(beside) if beside.exists() else needs(name)


def test_the_dockerfile_passes_hadolint() -> None:
    """Without a single finding."""
    done = subprocess.run(
        [_tool("hadolint"), DOCKER / "Dockerfile"], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (0, "")


@pytest.mark.parametrize("name", ["compose.yaml", "cluster.yaml"])
def test_docker_compose_accepts_the_file(name: str) -> None:
    """With all its profiles."""
    profiles = [part for one in ("watch", "rasa") for part in ("--profile", one)]
    done = subprocess.run(
        [needs("docker-compose"), "-f", DOCKER / name, *profiles, "config", "--quiet"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("role", ["web", "worker"])
def test_a_container_is_unprivileged(role: str) -> None:
    """It has a read-only root, no capabilities, and time to drain."""
    service = _cluster()["services"][role]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["environment"]["WARMLINE_ROLE"] == role
    assert service["environment"]["REDIS_URL"].startswith("redis://redis:")
    assert int(service["stop_grace_period"].removesuffix("s")) > WorkerSettings().drain


def test_no_secret_is_in_the_files() -> None:
    """Passwords come from files that git ignores."""
    for service in _cluster()["services"].values():
        for name, value in (service.get("environment") or {}).items():
            secret = "PASSWORD" in name or "TOKEN" in name or name == "DATABASE_URL"
            assert not secret or value.startswith("/run/secrets/"), name
    assert "docker/secrets/" in (ROOT / ".gitignore").read_text("utf-8").splitlines()


def test_mounted_files_exist() -> None:
    """All but the Rasa model, which users bring themselves."""
    for service in _cluster()["services"].values():
        for mount in service.get("volumes", ()):
            source = mount.partition(":")[0]
            if source.startswith("./") and source != "./rasa":
                assert (DOCKER / source).exists(), source


def test_kubernetes_manifests_are_valid() -> None:
    """Each fits the schemas of Kubernetes' API; unknown keys are errors."""
    manifests = list(yaml.safe_load_all((DOCKER / "kubernetes.yaml").read_text("utf-8")))
    kinds = {manifest["kind"] for manifest in manifests}
    assert kinds >= {"Deployment", "PodDisruptionBudget", "Service"}
    for manifest in manifests:
        kubernetes_validate.validate(manifest, "1.31", strict=True)


@pytest.mark.parametrize("role", ["web", "worker"])
def test_a_pod_has_time_to_drain(role: str) -> None:
    """preStop and worker.drain together end before SIGKILL. The root is read-only."""
    manifests = yaml.safe_load_all((DOCKER / "kubernetes.yaml").read_text("utf-8"))
    [pod] = [
        one["spec"]["template"]["spec"]
        for one in manifests
        if one["kind"] == "Deployment" and one["metadata"]["labels"]["role"] == role
    ]
    [container] = pod["containers"]
    slept = container.get("lifecycle", {"preStop": {"exec": {"command": ["sleep", "0"]}}})
    before = int(slept["preStop"]["exec"]["command"][1])
    assert pod["terminationGracePeriodSeconds"] > before + WorkerSettings().drain
    assert container["securityContext"]["readOnlyRootFilesystem"] is True
    assert {"name": "WARMLINE_ROLE", "value": role} in container["env"]


@pytest.mark.parametrize("name", ["compose.yaml", "cluster.yaml", "kubernetes.yaml"])
def test_the_proxy_in_front_is_trusted(name: str) -> None:
    """Each deployment says how many proxies add to X-Forwarded-For: else all clients behind it
    count as one."""
    text = (DOCKER / name).read_text("utf-8")
    assert re.search(r"WARMLINE_PROXIES: (\"1\"|\$\{WARMLINE_PROXIES:-1\})", text)
