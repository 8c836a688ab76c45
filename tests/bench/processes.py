"""Runs the servers that are measured, each as a process."""

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
from tests.bench.report import BenchError, say

START_TIMEOUT = 300.0
"""Seconds. A first start trains the intents on a busy machine; a Rasa loads TensorFlow."""
IDLE_TIMEOUT = 60.0
"""Seconds for the work that is left after a burst."""
WAITING = 100_000_000
"""`limits.waiting` of the servers that are measured: an idle server on a fast machine accepts more
than the default of 100,000 messages in a burst, and would refuse the rest."""
LOG_TAIL = 2_000
"""Bytes of a server's log that are printed if the benchmark breaks."""


class Runtime(msgspec.Struct, frozen=True, kw_only=True):
    """What a program runs on: its interpreter, the path that answers 200 when it is ready, and
    additional environment variables."""

    python: str = sys.executable
    ready: str = "/readyz"
    environ: Mapping[str, str] = {}


OURS = Runtime()


class Server:
    """A running server. ``ready_after``: seconds from its start until it was ready."""

    def __init__(self, process: asyncio.subprocess.Process, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self.process = process
        self.ready_after = 0.0
        self._seen = psutil.Process(process.pid)

    @property
    def memory(self) -> int:
        """Resident bytes of it and its child processes. Shared pages are counted once, on
        Linux."""
        infos = [process.memory_full_info() for process in self._all()]
        return sum(int(getattr(info, "pss", info.rss)) for info in infos)

    @property
    def cpu(self) -> float:
        """Seconds of processor that it and its child processes have used so far."""
        times = [process.cpu_times() for process in self._all()]
        return float(sum(used.user + used.system for used in times))

    @property
    def parts(self) -> tuple[float, float]:
        """Seconds of processor of itself, and of its child processes."""
        own = self._seen.cpu_times()
        used = float(own.user + own.system)
        return used, self.cpu - used

    def _all(self) -> list[psutil.Process]:
        return [self._seen, *self._seen.children(recursive=True)]

    async def wait_ready(self, begun: float, path: str) -> None:
        """Wait until ``GET path`` answers 200. Raises BenchError if the process ends before, or
        after `START_TIMEOUT`."""
        async with aiohttp.ClientSession() as session:
            while perf_counter() - begun < START_TIMEOUT:
                if self.process.returncode is not None:
                    raise BenchError(f"the server ended with exit code {self.process.returncode}")
                with suppress(aiohttp.ClientError, OSError):
                    async with session.get(f"{self.url}{path}") as response:
                        if response.status == 200:
                            self.ready_after = perf_counter() - begun
                            return
                await asyncio.sleep(0.01)
        raise BenchError(f"the server was not ready within {START_TIMEOUT:g} s")

    async def wait_idle(self, *, at_rest: float = 0.25, within: float = IDLE_TIMEOUT) -> None:
        """Wait until it has finished the work that a burst left, and takes less than a tenth of a
        processor for ``at_rest`` seconds. Raises BenchError after ``within`` seconds."""
        end = perf_counter() + within
        while perf_counter() < end:
            used = self.cpu
            await asyncio.sleep(at_rest)
            if 0 <= self.cpu - used < at_rest / 10:  # less than 0: a child process has ended
                return
        raise BenchError(f"the server still works {within:g} s after a burst")

    async def metric(self, name: str) -> dict[str, float]:
        """The samples of one metric in ``/metrics``, by their labels as they are written."""
        async with (
            aiohttp.ClientSession() as session,
            session.get(f"{self.url}/metrics") as response,
        ):
            lines = (await response.text()).splitlines()
        found = (line[len(name) :].rpartition(" ") for line in lines if line.startswith(name))
        return {labels: float(value) for labels, _, value in found}

    async def end(self, *, kill: bool = False) -> None:
        """Stop it with SIGTERM, or SIGKILL."""
        if self.process.returncode is None:
            self.process.kill() if kill else self.process.terminate()
            await self.process.wait()


@asynccontextmanager
async def server(folder: Path, *arguments: str, runtime: Runtime = OURS) -> AsyncIterator[Server]:
    """Run ``python ARGUMENTS`` with its data in ``folder`` until the block ends.

    ``PORT`` in the arguments stands for a free port, ``FOLDER`` for the folder. Its output goes to
    ``server.log`` there, and the end of it is printed if the block raises BenchError.
    """
    port, log = unused_port(), await asyncio.to_thread(_log, folder)
    begun = perf_counter()
    with log:
        process = await asyncio.create_subprocess_exec(
            runtime.python,
            *(word.replace("PORT", str(port)).replace("FOLDER", str(folder)) for word in arguments),
            stdout=log,
            stderr=log,
            env=environment(folder) | runtime.environ,
        )
    running = Server(process, port)
    try:
        await running.wait_ready(begun, runtime.ready)
        yield running
    except BenchError:
        tail = (folder / "server.log").read_bytes()[-LOG_TAIL:]
        say(f"the end of the server's log:\n{tail.decode(errors='replace')}")
        raise
    finally:
        await running.end()


def _log(folder: Path) -> BinaryIO:
    folder.mkdir(parents=True, exist_ok=True)
    return (folder / "server.log").open("ab")


def environment(folder: Path) -> dict[str, str]:
    """The environment variables of a server that is measured."""
    inherited = {k: v for k, v in os.environ.items() if not k.startswith("WARMLINE_")}
    return inherited | {
        "WARMLINE_DATA_DIR": str(folder),
        "WARMLINE_LIMITS__WAITING": str(WAITING),
        "WARMLINE_CHANNELS__EMAIL__SMTP_PORT": "0",
        "WARMLINE_PLUGINS__DEMO_SHOP__HISTORY": "false",
        "WARMLINE_LOGS": "json",
    }


ECHO = ("-m", "tests.bench.echo", "PORT")
IDLE_ACCEPT_SERVER = ("-m", "tests.bench.accept_server", "PORT", "idle")
ACCEPT_SERVER = ("-m", "tests.bench.accept_server", "PORT", "working")
WARMLINE = (
    str(Path(sys.executable).with_name("warmline")),
    *("serve", "--config", str(default_config()), "--port", "PORT"),
)
