"""The month that the demo starts with: simulated, and added once to a database that nobody has
written to.

A process of its own plays it, so that the server answers meanwhile: `warmline simulate` with the
demo's configuration, in a folder that is deleted afterwards. The conversations then get into the
database in one transaction.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
from datetime import timedelta
from pathlib import Path

import msgspec
import structlog

from gateway import Services, WarmlineError

log = structlog.get_logger()
NAME, KEY = "demo_shop", "history"
LABEL = "simulated"
"""The label of every conversation of the month."""
DAYS = 30
SEED = 17
MODELS = "nlu_local"
"""Folder of the data directory with the trained model, which the simulation would train again."""
MODEL_TIMEOUT = 90.0
"""Seconds for which it waits for that model: it takes about ten."""
LOOK_EVERY = 0.5
NICENESS = 10
"""Of the process: the server goes first."""
PLAY_TIMEOUT = 300.0
"""Seconds after which a simulation is given up; it takes about ten on an idle machine."""
_WITHOUT = ("WARMLINE_DATA_KEY", "WARMLINE_DATA_KEY_FILE", "DATABASE_URL", "REDIS_URL")
"""Variables that the simulation does not get: its database is its own, and plain until it is added
to ours."""


class PastMonth:
    """Adds the past month. An `ExclusiveTask`: one process does it."""

    name = NAME

    def __init__(self, *, data_dir: Path, scenario: Path, config: Path) -> None:
        """``scenario`` is what `warmline simulate --scenario` reads, ``config`` the settings with
        which the gateway of the simulation runs."""
        self._data_dir, self._scenario, self._config = data_dir, scenario, config

    async def watch(self, services: Services) -> None:
        """Add the month if the database is new; then wait until cancelled."""
        try:
            await self._add_once(services)
        except WarmlineError as error:
            # Not again before the next start: what failed would fail again.
            log.warning("demo.history_missing", problem=str(error))
        await asyncio.Event().wait()

    def stand_by(self) -> None:
        """Another process does it."""

    async def _add_once(self, services: Services) -> None:
        past = services.past_conversations
        if past is None or await services.storage.get(NAME, KEY) or await past.has_customers():
            return
        await self._wait_for_model(services)
        folder = self._data_dir / "demo-month"
        await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)
        try:
            await self._play(folder, services)
            count = await past.add(folder / "data" / "warmline.db", label=LABEL)
        finally:
            await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)
        done = {"at": services.clock.now().isoformat(), "conversations": count}
        await services.storage.put(NAME, KEY, msgspec.json.encode(done).decode())
        log.info("demo.history_added", conversations=count)

    async def _wait_for_model(self, services: Services) -> None:
        """Wait until the server has trained its model, so that it is trained once only."""
        end = services.clock.now() + timedelta(seconds=MODEL_TIMEOUT)
        while services.clock.now() < end:
            if any((self._data_dir / MODELS).glob("*.npz")):
                return
            await services.clock.sleep(LOOK_EVERY)

    async def _play(self, folder: Path, services: Services) -> None:
        """Play the month into ``folder``. Raises WarmlineError."""
        data = folder / "data"
        data.mkdir(parents=True, mode=0o700)
        if (self._data_dir / MODELS).is_dir():
            (data / MODELS).symlink_to((self._data_dir / MODELS).absolute())
        start = services.clock.now() - timedelta(days=DAYS)
        arguments = {
            "--config": self._config,
            "--scenario": self._scenario,
            "--seed": SEED,
            "--days": DAYS,
            "--start": f"{start:%Y-%m-%dT%H:%M}",
            "--out": folder,
        }
        command = f"import os; os.nice({NICENESS}); from gateway.cli import main; main()"
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-c",
            command,
            "simulate",
            *(str(part) for pair in arguments.items() for part in pair),
            env={name: value for name, value in os.environ.items() if name not in _WITHOUT},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
        )
        try:
            async with asyncio.timeout(PLAY_TIMEOUT):
                _, errors = await process.communicate()
        except TimeoutError:
            raise WarmlineError(
                f"the simulation took over {PLAY_TIMEOUT:.0f} seconds; start the server again"
            ) from None
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        if process.returncode:
            last = errors.decode("utf-8", "replace").strip()[-500:]
            raise WarmlineError(f"the simulation failed: {last}")
