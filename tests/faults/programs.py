"""Processes that are killed, put to sleep and started again."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import aiohttp
import psutil

WARMLINE = Path(sys.executable).with_name("warmline")
START = 120.0
"""Seconds that a start may take on a busy machine."""


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


class Program:
    """A command. When it ends, for whatever reason, it is started again, until `close`."""

    def __init__(
        self,
        name: str,
        command: list[str],
        log: Path,
        *,
        environ: Mapping[str, str] | None = None,
        user: str | None = None,
    ) -> None:
        self.name, self._command, self._log = name, command, log
        self._environ = os.environ | dict(environ or {})
        self._user = user
        self._process: subprocess.Popen[bytes] | None = None
        self._keeper: asyncio.Task[None] | None = None
        self.starts = 0

    def launch(self) -> None:
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command,
                stdout=log,
                stderr=log,
                env=self._environ,
                start_new_session=True,
                user=self._user,
            )
        self.starts += 1

    async def ready(self) -> None:
        """Wait until it can be used."""

    def keep(self) -> None:
        """Start it whenever it does not run, from now on."""

        async def again() -> None:
            while True:
                if self._process is None or self._process.poll() is not None:
                    self.launch()
                await asyncio.sleep(0.1)

        self._keeper = asyncio.create_task(again())

    def send(self, number: signal.Signals) -> None:
        """To it and all that it started."""
        for one in self._family():
            with suppress(psutil.NoSuchProcess):
                one.send_signal(number)

    def _family(self) -> list[psutil.Process]:
        if self._process is None or self._process.poll() is not None:
            return []
        with suppress(psutil.NoSuchProcess):
            top = psutil.Process(self._process.pid)
            return [top, *top.children(recursive=True)]
        return []

    async def close(self) -> None:
        if self._keeper is not None:
            self._keeper.cancel()
        self.send(signal.SIGCONT)
        self.send(signal.SIGKILL)
        if self._process is not None:
            await asyncio.to_thread(self._process.wait)


class Warmline(Program):
    """``warmline serve``, with a port of its own."""

    def __init__(self, name: str, config: Path, folder: Path, environ: Mapping[str, str]) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        command = [str(WARMLINE), "serve", "--config", str(config), "--port", str(self.port)]
        super().__init__(name, command, folder / f"{name}.log", environ=environ)

    async def ready(self) -> None:
        """Wait until it says so."""
        deadline = time.monotonic() + START
        timeout = aiohttp.ClientTimeout(5)
        async with aiohttp.ClientSession(timeout=timeout) as session:
            while time.monotonic() < deadline:
                with suppress(aiohttp.ClientError, OSError, TimeoutError):
                    async with session.get(f"{self.url}/readyz") as response:
                        if response.status == 200:
                            return
                await asyncio.sleep(0.1)
        raise RuntimeError(f"{self.name} is not ready within {START:g} s; see its log")
