"""The wheel has everything that is needed, tested in an environment outside the checkout."""

from __future__ import annotations

import asyncio
import re
import subprocess
import sys
import sysconfig
import tomllib
import venv
import zipfile
from pathlib import Path
from urllib.parse import urljoin

import aiohttp
import pytest

from tests.conftest import until

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
PACKAGES = PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]

LOADS = re.compile(r"""(?:src=|href=|import |from )["']([./][^"'#?]*\.(?:js|css|svg|png))["']""")

pytestmark = pytest.mark.xdist_group("wheel")


def _run(*command: str | Path, cwd: Path) -> str:
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built without a download."""
    out = tmp_path_factory.mktemp("dist")
    _run(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", out, cwd=ROOT)
    [built] = out.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def elsewhere(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with an environment ``venv`` that has the wheel and its dependencies."""
    place = tmp_path_factory.mktemp("elsewhere")
    venv.create(place / "venv", with_pip=False, symlinks=True)
    python = place / "venv" / "bin" / "python"
    asked = "import sysconfig; print(sysconfig.get_path('purelib'))"
    packages = Path(_run(python, "-c", asked, cwd=place).strip())
    # A path in a .pth is not searched for further .pth files: the checkout stays out.
    (packages / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n", "utf-8")
    _run(
        sys.executable, "-m", "pip", "--python", python, "install", "--quiet",
        "--no-index", "--no-deps", "--no-warn-script-location", wheel, cwd=place,
    )  # fmt: skip
    return place


def test_every_file_is_in_it(wheel: Path) -> None:
    """Pages, scripts, guides and demo files are in it, not only Python modules. Sentences to train
    on are not: the gateway never reads them."""
    listed = _run("git", "ls-files", *PACKAGES, cwd=ROOT).splitlines()
    folders = ("plugins/nlu_local/mood/sentences/", "channels/email/absence/mails/")
    training = {name for name in listed if name.startswith(folders)}
    there = [name for name in listed if (ROOT / name).is_file() and name not in training]
    packed = set(zipfile.ZipFile(wheel).namelist())
    assert set(there) <= packed
    assert not training & packed
    endings = {Path(name).suffix for name in there}
    assert endings >= {".py", ".js", ".css", ".html", ".yaml"}


def test_it_is_the_wheel_that_runs(elsewhere: Path) -> None:
    """Packages are imported from the wheel, not from the checkout."""
    code = f"import {', '.join(PACKAGES)}; print(*[m.__file__ for m in ({', '.join(PACKAGES)})])"
    for file in _run(elsewhere / "venv/bin/python", "-c", code, cwd=elsewhere).split():
        assert Path(file).is_relative_to(elsewhere)


@pytest.mark.parametrize("package", PACKAGES)
def test_it_is_typed(elsewhere: Path, package: str) -> None:
    """A plugin's author gets the types: without the marker of PEP 561, type checkers skip the
    package and take every name in it for Any."""
    code = f"import {package}; print({package}.__file__)"
    [file] = _run(elsewhere / "venv/bin/python", "-c", code, cwd=elsewhere).split()
    assert Path(file).with_name("py.typed").is_file()


@pytest.mark.parametrize(("arguments", "says"), [
    (["--help"], "serve"),
    (["check"], "OK"),
    (["plugins"], "demo_shop"),
    (["channels"], "webchat"),
])  # fmt: skip
def test_the_command_works(elsewhere: Path, arguments: list[str], says: str) -> None:
    """The command runs with the demo's configuration, from an empty folder."""
    assert says in _run(elsewhere / "venv/bin/warmline", *arguments, cwd=elsewhere)


async def test_the_pages_are_served(elsewhere: Path, unused_tcp_port: int) -> None:
    """A server from the wheel serves the pages and scripts, and stops with exit code 0."""
    log = elsewhere / "serve.log"
    with log.open("wb") as written:
        server = await asyncio.create_subprocess_exec(
            elsewhere / "venv/bin/warmline", "serve", "--port", str(unused_tcp_port),
            cwd=elsewhere, env={"WARMLINE_CHANNELS__EMAIL__SMTP_PORT": "0"},
            stdout=asyncio.subprocess.DEVNULL, stderr=written,
        )  # fmt: skip
    base = f"http://127.0.0.1:{unused_tcp_port}"
    try:
        async with aiohttp.ClientSession() as browser:

            async def alive() -> bool:
                assert server.returncode is None, log.read_text("utf-8")
                try:
                    async with browser.get(f"{base}/healthz") as answer:
                        return answer.status == 200
                except aiohttp.ClientConnectionError:
                    return False

            await until(alive, timeout=30)
            pages = ["/", "/desk", "/channels/webchat/widget.js"]
            for path in pages:  # with the files that they load from this server
                async with browser.get(base + path) as answer:
                    assert answer.status == 200, path
                    loaded = LOADS.findall(await answer.text())
                pages += [new for new in (urljoin(path, one) for one in loaded) if new not in pages]
            assert {Path(page).suffix for page in pages} >= {"", ".js", ".css"}
    finally:
        if server.returncode is None:
            server.terminate()
        code = await asyncio.wait_for(server.wait(), 20)
    assert code == 0
