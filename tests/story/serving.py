"""`warmline serve` as a process of its own, with the demo's configuration."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

from aiohttp import ClientSession, ClientTimeout

from tests.conftest import until

WARMLINE = Path(sys.executable).with_name("warmline")
PATIENCE = 90.0
"""Seconds that a start or an end may take on a busy machine."""
FAMILIES = (
    "WARMLINE_",
    "SLACK_",
    "TWILIO_",
    "TELEGRAM_",
    "OPENAI_",
    "DATABASE_",
    "REDIS_",
    "RASA_",
)


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def environment(folder: Path, **more: str) -> dict[str, str]:
    """This machine's, without anybody's settings, and ours."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(FAMILIES)}
    ours = {
        "WARMLINE_DATA_DIR": str(folder / "var"),
        "WARMLINE_CHANNELS__EMAIL__SMTP_PORT": "0",
        "WARMLINE_PLUGINS__DEMO_SHOP__HISTORY": "false",
        # Asks only while nobody is at work: the stories are the same at any hour.
        "WARMLINE_ANSWER_BY_MAIL__ENABLED": "false",
    }
    return {**kept, **ours, **more}


def warmline(*arguments: str, folder: Path, **environ: str) -> subprocess.CompletedProcess[str]:
    """Run a command to its end, in ``folder``, where no configuration lies."""
    return subprocess.run(
        [WARMLINE, *arguments],
        cwd=folder,
        env=environment(folder, **environ),
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )


class Server:
    """One gateway. It can be stopped or killed, and started again where it was."""

    def __init__(self, folder: Path, models: Path | None = None, **environ: str) -> None:
        self.folder, self.environ = folder, environ
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._log = folder / "stderr"
        self._process: subprocess.Popen[bytes] | None = None
        if models is not None:
            shutil.copytree(models, folder / "var" / "nlu_local")

    @property
    def told(self) -> str:
        """All that it wrote for people and logs, of all its lives."""
        return self._log.read_text("utf-8")

    @property
    def password(self) -> str:
        return (self.folder / "var" / "desk-password").read_text("utf-8").strip()

    async def start(self) -> None:
        """Start it, and wait until it is ready to take messages."""
        self.launch()
        await until(self.ready, PATIENCE, every=0.1)

    def launch(self) -> None:
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [WARMLINE, "serve", "--port", str(self.port)],
                cwd=self.folder,
                env=environment(self.folder, **self.environ),
                stdout=log,
                stderr=log,
            )

    async def ready(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, self.told
        try:
            async with (
                ClientSession(timeout=ClientTimeout(5)) as http,
                http.get(f"{self.url}/readyz") as answer,
            ):
                return answer.status == 200
        except (OSError, TimeoutError):
            return False

    def send(self, number: signal.Signals) -> None:
        assert self._process is not None
        self._process.send_signal(number)

    async def ended(self, timeout: float = PATIENCE) -> int:
        """Wait for its end, and give the exit code."""
        process = self._process
        assert process is not None
        await until(lambda: process.poll() is not None, timeout)
        return int(process.returncode)

    async def stop(self) -> int:
        self.send(signal.SIGTERM)
        return await self.ended()

    async def kill(self) -> None:
        self.send(signal.SIGKILL)
        await self.ended()

    def clear(self) -> None:
        """End it if it still runs, as a test's last act."""
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
            self._process.wait()

    def command(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Another ``warmline`` command on the same data."""
        return warmline(*arguments, folder=self.folder, **self.environ)

    def held(self, address: str) -> dict[str, Any]:
        """What ``warmline customer export`` tells."""
        told = self.command("customer", "export", address)
        assert told.returncode == 0, told.stderr
        found: dict[str, Any] = json.loads(told.stdout)
        return found
