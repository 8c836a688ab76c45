"""What every test may use: programs by name, a real browser, and waiting without sleeping."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from inspect import isawaitable
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import loopback_only
import pytest
import structlog

from gateway.testing.databases import ON_POSTGRES, database_of, done_with
from tests import postgres as postgres_server

if TYPE_CHECKING:
    from playwright.async_api import Browser

T = TypeVar("T")

GUARD = Path(loopback_only.__file__).parent
loopback_only.stand()
os.environ["PYTHONPATH"] = os.pathsep.join(
    dict.fromkeys([str(GUARD), *filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))])
)

collect_ignore = ["example_channel"]  # a stranger's package: tests/project runs its tests installed
PLACES = ("/usr/sbin", "/usr/lib/dovecot", "/usr/libexec/dovecot", "/sbin")
CHROMIUM_FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-quic",
    "--no-first-run",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1, EXCLUDE ::1",
)


def needs(program: str) -> str:
    """The path of ``program``. Without it the test is skipped by name, or, when
    WARMLINE_NO_SKIP=1 (as in .ci/run), it fails."""
    path = os.pathsep.join([os.environ.get("PATH", os.defpath), *PLACES])
    if found := shutil.which(program, path=path):
        return found
    missing = f"{program} is not installed"
    if os.environ.get("WARMLINE_NO_SKIP") == "1":
        pytest.fail(missing)
    pytest.skip(missing)


async def until(
    condition: Callable[[], T | Awaitable[T]], timeout: float = 10.0, *, every: float = 0.01
) -> T:
    """Wait until ``condition()`` (or what it awaits) is true, and give that value.

    Fails the test after ``timeout`` seconds. For what cannot be awaited: files, other processes.
    """
    deadline = asyncio.get_running_loop().time() + timeout
    while True:
        value = condition()
        if isawaitable(value):
            value = await value
        if value:
            return value
        if asyncio.get_running_loop().time() > deadline:
            pytest.fail(f"not so within {timeout} s: {condition}")
        await asyncio.sleep(every)


@pytest.fixture(scope="session")
def postgres() -> Iterator[postgres_server.PostgresServer]:
    """A PostgreSQL server, started when the first test needs it; or the one that runs already at
    WARMLINE_TEST_POSTGRES, which saves that time."""
    if url := os.environ.get("WARMLINE_TEST_POSTGRES"):
        yield postgres_server.ExternalServer(url)
        return
    with postgres_server.server() as running:
        yield running


@pytest.fixture
def stored_in(request: pytest.FixtureRequest) -> str:
    """Which database the gateways of this test use: ``sqlite``, or ``postgresql`` when
    WARMLINE_TEST_DATABASE says so. Some folders of tests run on both; see their conftest.py."""
    if request.node.get_closest_marker("sqlite"):
        return "sqlite"
    return os.environ.get("WARMLINE_TEST_DATABASE", "sqlite")


@pytest.fixture(autouse=True)
def _database(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, stored_in: str
) -> Iterator[None]:
    if stored_in != "postgresql" and "postgres" not in request.fixturenames:
        monkeypatch.delenv(ON_POSTGRES, raising=False)
        yield
        return
    server = request.getfixturevalue("postgres")
    if stored_in == "postgresql":
        monkeypatch.setenv(ON_POSTGRES, server.url)
    # Asked for here, so that it outlives this fixture.
    folder = request.getfixturevalue("tmp_path") if "tmp_path" in request.fixturenames else None
    yield
    if folder is not None:
        done_with(folder, server.url)


@pytest.fixture
def database_url(tmp_path: Path) -> str:
    """The address of an empty database of this test, wherever the test is to be stored."""
    if server := os.environ.get(ON_POSTGRES):
        return database_of(tmp_path, server)
    return f"sqlite:///{tmp_path / 't.db'}"


@pytest.fixture(autouse=True)
def logs_as_they_were() -> Iterator[None]:
    """A command that ran in this process set up its logs; the next test finds none of that.

    A traceback is printed plainly: with every frame's variables it takes seconds, in which the
    gateway of a test that breaks things stands still.
    """
    *others, _ = structlog.get_config()["processors"]
    plain = structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
    structlog.configure(processors=[*others, plain])
    yield
    structlog.reset_defaults()


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    """A real Chromium (Debian's, never a download) that knows no host but this one.

    One per test: its loop is the test's own, and nothing is left over from another.
    """
    program = needs("chromium")
    from playwright.async_api import async_playwright  # noqa: PLC0415  (slow; few tests need it)

    async with async_playwright() as playwright:
        chromium = await playwright.chromium.launch(
            executable_path=program, args=list(CHROMIUM_FLAGS)
        )
        yield chromium
        await chromium.close()
