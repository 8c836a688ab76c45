"""Processes that are killed, paused and started again."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import aiohttp
import psutil
from aiohttp.test_utils import unused_port

from gateway.cli import main

START = 180.0
"""Seconds that a start may take on a busy machine. All bounds here count ticks and not the clock: a
machine that slows the harness down slows everything else down as well."""
TICK = 0.1


class Program:
    """A command that `supervise` restarts whenever it ends, until `close`."""

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
        self._environ = dict(environ or {})
        self._user = user
        self._process: subprocess.Popen[bytes] | ForkedProcess | None = None
        self._supervisor: asyncio.Task[None] | None = None
        self.overdue = 0
        """How often it did not end in time after SIGTERM."""

    def launch(self) -> None:
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command,
                stdout=log,
                stderr=log,
                env=os.environ | self._environ,
                start_new_session=True,
                user=self._user,
            )

    async def ready(self) -> None:
        """Wait until it can be used."""

    async def wait_ended(self, grace: float) -> None:
        """Wait until the current process has ended; kill it after ``grace`` seconds."""
        process, ticks = self._process, 0
        while self._process is process and process is not None and process.poll() is None:
            ticks += 1
            if ticks % int(grace / TICK) == 0:
                self.overdue += 1
                self.send(signal.SIGKILL)
            await asyncio.sleep(TICK)

    def supervise(self) -> None:
        """Start it now, and again whenever it has ended."""

        async def restart() -> None:
            while True:
                if self._process is None or self._process.poll() is not None:
                    self.launch()
                await asyncio.sleep(0.1)

        self._supervisor = asyncio.create_task(restart())

    def send(self, number: signal.Signals) -> None:
        """Send a signal to the process and its children; SIGTERM only to the process itself."""
        processes = self.processes()
        for process in processes[:1] if number == signal.SIGTERM else processes:
            with suppress(psutil.NoSuchProcess):
                process.send_signal(number)

    def processes(self) -> list[psutil.Process]:
        if self._process is None or self._process.poll() is not None:
            return []
        with suppress(psutil.NoSuchProcess):
            parent = psutil.Process(self._process.pid)
            return [parent, *parent.children(recursive=True)]
        return []

    async def close(self) -> None:
        if self._supervisor is not None:
            self._supervisor.cancel()
        self.send(signal.SIGCONT)
        self.send(signal.SIGKILL)
        if self._process is not None:
            await asyncio.to_thread(self._process.wait)


class ForkedProcess:
    """`warmline serve` in a process of its own. It is forked from a server that has imported all
    plugins, which takes ten seconds of processor time. It runs the whole command, from its
    arguments to its exit."""

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
_FORKS.set_forkserver_preload(["gateway.cli", "tests.faults.preload"])


def _command(arguments: list[str], environ: Mapping[str, str], log: str) -> None:
    with Path(log).open("ab") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    os.setsid()
    os.environ.update(environ)
    sys.path[:0] = environ["PYTHONPATH"].split(os.pathsep)
    sys.argv = ["warmline", *arguments]
    main()


class WarmlineProgram(Program):
    """``warmline serve`` on a port of its own."""

    def __init__(self, name: str, config: Path, folder: Path, environ: Mapping[str, str]) -> None:
        self.port = unused_port()
        self.url = f"http://127.0.0.1:{self.port}"
        command = ["serve", "--config", str(config), "--port", str(self.port)]
        super().__init__(name, command, folder / f"{name}.log", environ=environ)

    def launch(self) -> None:
        self._process = ForkedProcess(self._command, self._environ, self._log)

    async def ready(self) -> None:
        """Wait until ``/readyz`` answers 200."""
        timeout = aiohttp.ClientTimeout(5)
        async with aiohttp.ClientSession(timeout=timeout) as session:
            for _ in range(int(START / TICK)):
                with suppress(aiohttp.ClientError, OSError, TimeoutError):
                    async with session.get(f"{self.url}/readyz") as response:
                        if response.status == 200:
                            return
                await asyncio.sleep(TICK)
        raise RuntimeError(f"{self.name} is not ready within {START:g} s; see its log")
