"""Servers as processes of their own: ours on the interpreter that runs the benchmark."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from time import perf_counter
from typing import BinaryIO

import aiohttp
import msgspec
import psutil
from aiohttp.test_utils import unused_port

from gateway.plugins import default_config

START = 300.0
"""Seconds; a first start trains the intents beside whatever else runs, a Rasa loads TensorFlow."""
CALM = 60.0
"""Seconds until what was left behind must be done."""


class Home(msgspec.Struct, frozen=True, kw_only=True):
    """Where a program comes from: its interpreter, the address that gives 200 when it is ready,
    and variables of its own."""

    python: str = sys.executable
    ready: str = "/readyz"
    own: Mapping[str, str] = {}


OURS = Home()


class Server:
    """A process that serves. ``ready_after``: seconds from its start until it was ready."""

    def __init__(self, process: asyncio.subprocess.Process, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self.process = process
        self.ready_after = 0.0
        self._seen = psutil.Process(process.pid)

    @property
    def memory(self) -> int:
        """Resident bytes now, those of the processes that it began included; what several of them
        share is counted once, where the system tells (Linux)."""
        infos = [one.memory_full_info() for one in self._all()]
        return sum(int(getattr(info, "pss", info.rss)) for info in infos)

    @property
    def cpu(self) -> float:
        """Seconds of processor that it and the processes that it began have used so far."""
        times = [one.cpu_times() for one in self._all()]
        return float(sum(used.user + used.system for used in times))

    @property
    def parts(self) -> tuple[float, float]:
        """The same, of itself and of those that it began."""
        own = self._seen.cpu_times()
        used = float(own.user + own.system)
        return used, self.cpu - used

    def _all(self) -> list[psutil.Process]:
        return [self._seen, *self._seen.children(recursive=True)]

    async def wait_ready(self, begun: float, path: str) -> None:
        """Until ``GET path`` gives 200."""
        async with asyncio.timeout(START), aiohttp.ClientSession() as session:
            while True:
                if self.process.returncode is not None:
                    raise RuntimeError(f"the server ended with {self.process.returncode}")
                with suppress(aiohttp.ClientError, OSError):
                    async with session.get(f"{self.url}{path}") as response:
                        if response.status == 200:
                            self.ready_after = perf_counter() - begun
                            return
                await asyncio.sleep(0.01)

    async def calm(self) -> None:
        """Until it works on nothing: whoever made the load has gone, and left some behind."""
        async with asyncio.timeout(CALM):
            while True:
                used = self.cpu
                await asyncio.sleep(0.25)
                if self.cpu - used < 0.025:
                    return

    async def metric(self, name: str) -> dict[str, float]:
        """The samples of one figure of ``/metrics``, by their labels as they are written."""
        async with (
            aiohttp.ClientSession() as session,
            session.get(f"{self.url}/metrics") as response,
        ):
            lines = (await response.text()).splitlines()
        found = (line[len(name) :].rpartition(" ") for line in lines if line.startswith(name))
        return {labels: float(value) for labels, _, value in found}

    async def end(self, *, kill: bool = False) -> None:
        if self.process.returncode is None:
            self.process.kill() if kill else self.process.terminate()
            await self.process.wait()


@asynccontextmanager
async def server(folder: Path, *arguments: str, home: Home = OURS) -> AsyncIterator[Server]:
    """Run ``python ARGUMENTS`` on data in ``folder`` until the block ends.

    ``PORT`` in the arguments stands for a free one, ``FOLDER`` for the folder. What it says goes
    to ``server.log`` there.
    """
    port, log = unused_port(), await asyncio.to_thread(_log, folder)
    begun = perf_counter()
    with log:
        process = await asyncio.create_subprocess_exec(
            home.python,
            *(one.replace("PORT", str(port)).replace("FOLDER", str(folder)) for one in arguments),
            stdout=log,
            stderr=log,
            env=_environment(folder) | home.own,
        )
    one = Server(process, port)
    try:
        await one.wait_ready(begun, home.ready)
        yield one
    finally:
        await one.end()


def _log(folder: Path) -> BinaryIO:
    folder.mkdir(parents=True, exist_ok=True)
    return (folder / "server.log").open("ab")


def _environment(folder: Path) -> dict[str, str]:
    ours = {k: v for k, v in os.environ.items() if not k.startswith("WARMLINE_")}
    return ours | {
        "WARMLINE_DATA_DIR": str(folder),
        "WARMLINE_CHANNELS__EMAIL__SMTP_PORT": "0",
        "WARMLINE_LOGS": "json",
    }


ECHO = ("-m", "tests.bench.echo", "PORT")
DOOR = ("-m", "tests.bench.door", "PORT", "idle")
WORKING_DOOR = ("-m", "tests.bench.door", "PORT", "working")
WARMLINE = (
    str(Path(sys.executable).with_name("warmline")),
    *("serve", "--config", str(default_config()), "--port", "PORT"),
)
