"""Processes that are killed, put to sleep and started again."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import aiohttp
import psutil

from gateway.cli import main

START = 180.0
"""Seconds that a start may take on a busy machine; like all bounds here by ticks and not by the
clock: what held us up held up everything else as well."""
TICK = 0.1


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
        self._own = dict(environ or {})
        self._user = user
        self._process: subprocess.Popen[bytes] | Forked | None = None
        self._keeper: asyncio.Task[None] | None = None
        self.overdue = 0
        """How often it did not end in time when it was asked to."""

    def launch(self) -> None:
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command,
                stdout=log,
                stderr=log,
                env=os.environ | self._own,
                start_new_session=True,
                user=self._user,
            )

    async def ready(self) -> None:
        """Wait until it can be used."""

    async def ended(self, grace: float) -> None:
        """Wait until the process that was told to end has done so; kill it after ``grace``."""
        was, ticks = self._process, 0
        while self._process is was and was is not None and was.poll() is None:
            ticks += 1
            if ticks % int(grace / TICK) == 0:
                self.overdue += 1
                self.send(signal.SIGKILL)
            await asyncio.sleep(TICK)

    def keep(self) -> None:
        """Start it whenever it does not run, from now on."""

        async def again() -> None:
            while True:
                if self._process is None or self._process.poll() is not None:
                    self.launch()
                await asyncio.sleep(0.1)

        self._keeper = asyncio.create_task(again())

    def send(self, number: signal.Signals) -> None:
        """To it and all that it started; a request to end, to itself alone."""
        family = self._family()
        for one in family[:1] if number == signal.SIGTERM else family:
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


class Forked:
    """`warmline serve` in a process of its own, without the ten seconds of processor time that
    importing every guest costs: it is forked from a server that has imported them. What runs in
    it is the command, from its arguments to its exit."""

    def __init__(self, arguments: list[str], environ: Mapping[str, str], log: Path) -> None:
        self._process = _FORKS.Process(target=_command, args=(arguments, dict(environ), str(log)))
        self._process.start()
        self.pid = int(self._process.pid or 0)

    def poll(self) -> int | None:
        return self._process.exitcode

    def wait(self) -> int | None:
        self._process.join()
        return self._process.exitcode


_FORKS = multiprocessing.get_context("forkserver")
_FORKS.set_forkserver_preload(["gateway.cli", "tests.faults.everything"])


def _command(arguments: list[str], environ: Mapping[str, str], log: str) -> None:
    with Path(log).open("ab") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    os.setsid()
    os.environ.update(environ)
    sys.path[:0] = environ["PYTHONPATH"].split(os.pathsep)
    sys.argv = ["warmline", *arguments]
    main()


class Warmline(Program):
    """``warmline serve``, with a port of its own."""

    def __init__(self, name: str, config: Path, folder: Path, environ: Mapping[str, str]) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        command = ["serve", "--config", str(config), "--port", str(self.port)]
        super().__init__(name, command, folder / f"{name}.log", environ=environ)

    def launch(self) -> None:
        self._process = Forked(self._command, self._own, self._log)

    async def ready(self) -> None:
        """Wait until it says so."""
        timeout = aiohttp.ClientTimeout(5)
        async with aiohttp.ClientSession(timeout=timeout) as session:
            for _ in range(int(START / TICK)):
                with suppress(aiohttp.ClientError, OSError, TimeoutError):
                    async with session.get(f"{self.url}/readyz") as response:
                        if response.status == 200:
                            return
                await asyncio.sleep(TICK)
        raise RuntimeError(f"{self.name} is not ready within {START:g} s; see its log")
