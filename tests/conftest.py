"""Fixtures and helpers for all tests: programs, databases, a browser, and waiting."""

from __future__ import annotations

import asyncio
import os
import resource
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from inspect import isawaitable
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import loopback_only
import pytest
import structlog

from gateway.testing.databases import ON_POSTGRES, database_of, release_databases
from tests import postgres as postgres_server

if TYPE_CHECKING:
    from playwright.async_api import Browser

T = TypeVar("T")

GUARD = Path(loopback_only.__file__).parent
loopback_only.install()
os.environ["PYTHONPATH"] = os.pathsep.join(
    dict.fromkeys([str(GUARD), *filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))])
)

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


@pytest.fixture(autouse=True)
def process_limits() -> Iterator[None]:
    """``warmline serve`` changes both of its process; servers of later tests would inherit them."""
    mask = os.umask(0o022)
    os.umask(mask)
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)
    yield
    os.umask(mask)
    resource.setrlimit(resource.RLIMIT_NOFILE, limit)


def needs(program: str) -> str:
    """The path of ``program``. If it is not installed, the test is skipped with its name, or it
    fails if WARMLINE_NO_SKIP is 1 (as in .ci/run)."""
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
    """Wait until ``condition()``, or its awaited result, is true, and return that value.

    Fails the test after ``timeout`` seconds. It is for conditions that can only be polled, such as
    files and other processes.
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
    """A PostgreSQL server, started when the first test needs it, or the running one at the URL in
    WARMLINE_TEST_POSTGRES, which saves time."""
    if url := os.environ.get("WARMLINE_TEST_POSTGRES"):
        yield postgres_server.ExternalServer(url)
        return
    with postgres_server.server() as running:
        yield running


@pytest.fixture
def stored_in(request: pytest.FixtureRequest) -> str:
    """The database of this test's gateways: ``sqlite``, or ``postgresql`` if
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
    # Requested here, so that it outlives this fixture.
    folder = request.getfixturevalue("tmp_path") if "tmp_path" in request.fixturenames else None
    yield
    if folder is not None:
        release_databases(folder, server.url)


@pytest.fixture
def database_url(tmp_path: Path) -> str:
    """The URL of an empty database, on the database system of this test."""
    if server := os.environ.get(ON_POSTGRES):
        return database_of(tmp_path, server)
    return f"sqlite:///{tmp_path / 't.db'}"


@pytest.fixture(autouse=True)
def reset_logging() -> Iterator[None]:
    """Undo the logging configuration of commands that run in this process.

    Tracebacks are printed without variables: with them printing takes seconds, in which the
    test's gateway does nothing.
    """
    *others, _ = structlog.get_config()["processors"]
    plain = structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
    structlog.configure(processors=[*others, plain])
    yield
    structlog.reset_defaults()


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    """A real Chromium (Debian's, never downloaded) that reaches only this machine.

    Each test gets a new one, which runs in the test's event loop.
    """
    program = needs("chromium")
    from playwright.async_api import async_playwright  # noqa: PLC0415  (slow; few tests need it)

    async with async_playwright() as playwright:
        chromium = await playwright.chromium.launch(
            executable_path=program, args=list(CHROMIUM_FLAGS)
        )
        yield chromium
        await chromium.close()
